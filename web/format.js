/** Numbers as people read them. "–" where there is none. */

const NONE = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);

/** Three digits that matter. */
function digits(value) {
  if (value === 0) return "0";
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 2)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** @param {number|null} value */
export function formatCount(value) {
  return known(value) ? Math.round(value).toLocaleString("en-US") : NONE;
}

/** @param {number|null} value without unit */
export function formatNumber(value) {
  return known(value) ? digits(value) : NONE;
}

/** @param {number|null} seconds */
export function formatSeconds(seconds) {
  if (!known(seconds)) return NONE;
  return seconds < 1 ? `${digits(seconds * 1000)} ms` : `${digits(seconds)} s`;
}

/** @param {number|null} share from 0 to 1 */
export function formatShare(share) {
  return known(share) ? `${digits(share * 100)} %` : NONE;
}

/** @param {number|null} bytes */
export function formatBytes(bytes) {
  if (!known(bytes)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; ++unit) bytes /= 1024;
  return `${digits(bytes)} ${units[unit]}`;
}
