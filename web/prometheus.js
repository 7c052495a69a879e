/** Reads Prometheus' text format, version 0.0.4, and computes with what it says. */

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const VALUES = { "+Inf": Infinity, "-Inf": -Infinity };
/** The server's own names, and those it has for dashboards that were made for vLLM. */
const PREFIX = /^(?:slipstream_|vllm:)/;

function parseLabels(text = "") {
  const labels = {};
  for (const [, name, value] of text.matchAll(LABEL)) {
    labels[name] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
  }
  return labels;
}

/**
 * A histogram's cumulative buckets, by ascending upper bound in its own unit.
 * @typedef {{bound: number, count: number}[]} Buckets
 */

/** What one poll said. Sums over the series of a metric: models, engines. */
export class Metrics {
  /** @type {Map<string, {labels: Object<string, string>, value: number}[]>} */
  #samples = new Map();

  /** @param {string} text of a response of /metrics */
  constructor(text) {
    for (const line of text.split("\n")) {
      const match = line.startsWith("#") ? null : SAMPLE.exec(line);
      if (!match) continue;
      const name = match[1].replace(PREFIX, "");
      const sample = { labels: parseLabels(match[2]), value: VALUES[match[3]] ?? Number(match[3]) };
      if (!this.#samples.has(name)) this.#samples.set(name, []);
      this.#samples.get(name).push(sample);
    }
  }

  get isEmpty() {
    return this.#samples.size === 0;
  }

  /** Of all series of that name, which is without its prefix; null when there is none. */
  sum(name) {
    const samples = this.#samples.get(name);
    return samples ? samples.reduce((sum, { value }) => sum + value, 0) : null;
  }

  /** The largest of all series, for shares. */
  max(name) {
    const samples = this.#samples.get(name);
    return samples ? Math.max(...samples.map(({ value }) => value)) : null;
  }

  /** A label of an info metric as a number, summed over its series; null without it. */
  sumLabel(name, label) {
    const numbers = (this.#samples.get(name) ?? []).map(({ labels }) => Number(labels[label]))
      .filter(Number.isFinite);
    return numbers.length > 0 ? numbers.reduce((a, b) => a + b) : null;
  }

  /** @returns {Buckets} empty without such a histogram */
  buckets(name) {
    const counts = new Map();
    for (const { labels, value } of this.#samples.get(`${name}_bucket`) ?? []) {
      const bound = VALUES[labels.le] ?? Number(labels.le);
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    return [...counts].map(([bound, count]) => ({ bound, count }))
      .sort((a, b) => a.bound - b.bound);
  }
}

/** What was counted between two polls of a histogram. @returns {Buckets} */
export function bucketsBetween(before, after) {
  const earlier = new Map(before.map(({ bound, count }) => [bound, count]));
  return after.map(({ bound, count }) => ({ bound, count: count - (earlier.get(bound) ?? 0) }));
}

/**
 * The quantile as Prometheus' histogram_quantile() has it: linear within the bucket. Null when
 * nothing was counted.
 * @param {Buckets} buckets
 * @param {number} q from 0 to 1
 */
export function quantile(buckets, q) {
  const total = buckets.at(-1)?.count ?? 0;
  if (!(total > 0)) return null;
  const rank = q * total;
  const index = buckets.findIndex(({ count }) => count >= rank);
  const { bound, count } = buckets[index];
  const below = index > 0 ? buckets[index - 1] : { bound: 0, count: 0 };
  if (bound === Infinity) return below.bound;
  if (count === below.count) return bound;
  return below.bound + ((bound - below.bound) * (rank - below.count)) / (count - below.count);
}
