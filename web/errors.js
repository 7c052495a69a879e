/** What can go wrong between the page and the server, as sentences. */

/** A request that failed. `status` 0: there was no response. */
export class ApiError extends Error {
  /**
   * @param {{status: number, message?: string, type?: string, details?: Object,
   *          retryAfter?: number|null, hadKey?: boolean}} fields
   */
  constructor({ status, message = "", ...others }) {
    super(message);
    const defaults = { type: "", details: {}, retryAfter: null, hadKey: false };
    Object.assign(this, { ...defaults, ...others, status });
  }
}

/** Seconds of a Retry-After header, given as a number or a date; null without one. */
export function parseRetryAfter(header, now = Date.now()) {
  if (!header) return null;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

/** The error of a response that is none of 2xx. @returns {Promise<ApiError>} */
export async function errorOfResponse(response, hadKey) {
  const text = await response.text().catch(() => "");
  let details = {};
  try {
    details = JSON.parse(text).error ?? {};
  } catch {
    details = { message: text.length < 300 ? text : "" };
  }
  if (typeof details === "string") details = { message: details };
  return new ApiError({
    status: response.status,
    message: String(details.message ?? ""),
    type: String(details.type ?? ""),
    details,
    retryAfter: parseRetryAfter(response.headers.get("Retry-After")),
    hadKey,
  });
}

/** `text` with a full stop, unless it ends like a sentence. */
function sentence(text) {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) || trimmed === "" ? trimmed : `${trimmed}.`;
}

function seconds(count) {
  return count === 1 ? "1 second" : `${count} seconds`;
}

function contextExceeded({ n_prompt_tokens: wanted, n_ctx: limit }) {
  const numbers = wanted && limit
    ? `it has ${wanted} tokens, and the model reads at most ${limit}`
    : "it has more tokens than the model can read";
  return `The conversation is too long: ${numbers}. Shorten or clear it, or begin a new one.`;
}

function unauthorized(error) {
  return error.hadKey
    ? "The server does not accept this API key. Check it in Settings."
    : "The server asks for an API key. Enter it in Settings.";
}

function notNow(error, reason) {
  const when = error.retryAfter === null ? "Try again in a moment."
    : `Try again in ${seconds(error.retryAfter)}.`;
  return `${reason} ${when}`;
}

/**
 * One or two sentences that say what happened and what to do.
 * @param {unknown} error
 * @returns {string}
 */
export function describeError(error) {
  if (!(error instanceof ApiError)) {
    return sentence(`The page has failed: ${error?.message ?? error}`);
  }
  const said = sentence(error.message);
  if (error.type === "exceed_context_size_error" || error.type === "context_length_exceeded") {
    return contextExceeded(error.details);
  }
  if (error.type === "incomplete") return "The connection ended before the answer was complete.";
  switch (error.status) {
    case 0: return "The server cannot be reached. Check that it is running, and the network.";
    case 401: return unauthorized(error);
    case 403: return `This API key may not do that. ${said}`.trim();
    case 404: return `The server does not have that. ${said}`.trim();
    case 413: return "The conversation is larger than the server accepts. Shorten or clear it.";
    case 429: return notNow(error, "The server has as many requests as it takes.");
    case 503: return notNow(error, `The server is not ready. ${said}`.trim());
    default:
      if (error.status < 500) return `The server refused the request. ${said}`.trim();
      return said ? `The server has failed: ${said}` : `The server has failed (${error.status}).`;
  }
}
