/** What the dashboard's lines are made of: rates and quantiles from polls in a row. */
import { bucketsBetween, quantile } from "./prometheus.js";

/** How long lines reach back. */
export const HISTORY_MS = 120_000;
/** Latencies and hits are of the requests of this time: shorter would be empty too often. */
const QUANTILE_WINDOW_MS = 30_000;
/** Rates are over this time, so that they don't jump with every poll. */
const RATE_WINDOW_MS = 5_000;

/**
 * @typedef {Object} Point what one poll says; null where nothing is known
 * @property {number} time milliseconds
 * @property {number|null} ttft50 @property {number|null} ttft95 seconds
 * @property {number|null} itl50 @property {number|null} itl95 seconds
 * @property {number|null} generated @property {number|null} prompt tokens per second
 * @property {number|null} running @property {number|null} waiting requests
 * @property {number|null} hitRate @property {number|null} kvUsage from 0 to 1
 * @property {number|null} preemptions since the server's start
 */

const NOTHING = Object.fromEntries(["ttft50", "ttft95", "itl50", "itl95", "generated", "prompt",
  "running", "waiting", "hitRate", "kvUsage", "preemptions"].map((key) => [key, null]));

/** How much a counter has grown; null when the server doesn't have it. */
function growth(before, after, name) {
  const from = before.sum(name);
  const to = after.sum(name);
  return from === null || to === null ? null : to - from;
}

/** Null without a dividend, and where nothing was counted. */
function ratio(dividend, divisor) {
  return dividend === null || !(divisor > 0) ? null : dividend / divisor;
}

export class MetricsHistory {
  /** @type {{time: number, metrics: import("./prometheus.js").Metrics}[]} */
  #polls = [];
  /** @type {Point[]} */
  points = [];

  /** @returns {Point} the newest */
  add(time, metrics) {
    if (this.#hasRestarted(metrics)) this.#polls = [];
    this.#polls.push({ time, metrics });
    this.#polls = this.#polls.filter((poll) => time - poll.time <= QUANTILE_WINDOW_MS);
    const point = this.#derive(time, metrics);
    this.points.push(point);
    this.points = this.points.filter((one) => time - one.time <= HISTORY_MS);
    return point;
  }

  /** Notes that nothing is known of this time: lines have a gap there. */
  addGap(time) {
    this.points.push({ ...NOTHING, time });
    this.#polls = [];
  }

  /** A counter that falls means another server. */
  #hasRestarted(metrics) {
    const last = this.#polls.at(-1)?.metrics;
    return ["generation_tokens_total", "prompt_tokens_total"].some((name) =>
      (metrics.sum(name) ?? 0) < (last?.sum(name) ?? 0));
  }

  #since(time, ms) {
    return this.#polls.find((poll) => time - poll.time <= ms + 500);
  }

  #derive(time, metrics) {
    const oldest = this.#since(time, QUANTILE_WINDOW_MS);
    const recent = this.#since(time, RATE_WINDOW_MS);
    const seconds = (time - recent.time) / 1000;
    const rateOf = (name) => ratio(growth(recent.metrics, metrics, name), seconds);
    const growthOf = (name) => growth(oldest.metrics, metrics, name);
    const quantileOf = (name, q) =>
      quantile(bucketsBetween(oldest.metrics.buckets(name), metrics.buckets(name)), q);
    const ttft = "time_to_first_token_seconds";
    const itl = "inter_token_latency_seconds";
    return {
      time,
      ttft50: quantileOf(ttft, 0.5), ttft95: quantileOf(ttft, 0.95),
      itl50: quantileOf(itl, 0.5), itl95: quantileOf(itl, 0.95),
      generated: rateOf("generation_tokens_total"), prompt: rateOf("prompt_tokens_total"),
      running: metrics.sum("num_requests_running"), waiting: metrics.sum("num_requests_waiting"),
      hitRate: ratio(growthOf("prefix_cache_hits_total"), growthOf("prefix_cache_queries_total")),
      kvUsage: metrics.max("kv_cache_usage_perc"),
      preemptions: metrics.sum("num_preemptions_total"),
    };
  }
}
