/** The live dashboard: polls the server while it is shown. */
import { fetchMetrics, fetchTrace } from "./api.js";
import { Chart } from "./chart.js";
import { byId, element } from "./dom.js";
import { describeError } from "./errors.js";
import * as format from "./format.js";
import { MetricsHistory } from "./metrics_history.js";
import { Metrics } from "./prometheus.js";
import { MAX_REQUESTS, drawRequests } from "./requests_table.js";

const POLL_MS = 1000;
const TIMEOUT_MS = 5000;
const MAX_RETRY_MS = 30_000;

const PANELS = {
  ttft: { title: "Time to first token", format: format.formatSeconds,
    lines: [{ key: "ttft50", label: "median" }, { key: "ttft95", label: "95 %" }] },
  itl: { title: "Inter-token latency", format: format.formatSeconds,
    lines: [{ key: "itl50", label: "median" }, { key: "itl95", label: "95 %" }] },
  tokens: { title: "Tokens per second", format: format.formatNumber,
    lines: [{ key: "generated", label: "generated" }, { key: "prompt", label: "prompt" }] },
  requests: { title: "Requests", format: format.formatCount,
    lines: [{ key: "running", label: "running" }, { key: "waiting", label: "queued" }] },
  cache: { title: "KV cache", format: format.formatShare, top: 1,
    lines: [{ key: "kvUsage", label: "in use" }, { key: "hitRate", label: "prefix hits" }] },
  preemptions: { title: "Pre-emptions", format: format.formatCount,
    lines: [{ key: "preemptions", label: "since the server started" }] },
};

function cacheNote(metrics, { kvUsage }) {
  const pages = metrics.sumLabel("cache_config_info", "num_cpu_blocks");
  const bytes = metrics.sumLabel("cache_config_info", "num_bytes");
  const parts = [];
  if (pages !== null && kvUsage !== null) {
    parts.push(`${format.formatCount(kvUsage * pages)} of ${format.formatCount(pages)} pages`);
  }
  if (bytes !== null && kvUsage !== null) {
    parts.push(`${format.formatBytes(kvUsage * bytes)} of ${format.formatBytes(bytes)}`);
  }
  return parts.join(", ");
}

function memoryNote(metrics) {
  const resident = metrics.sum("process_resident_memory_bytes");
  return resident === null ? "" : `The process has ${format.formatBytes(resident)} of memory.`;
}

export class Dashboard {
  #history = new MetricsHistory();
  #charts = Object.fromEntries(
    Object.entries(PANELS).map(([name, options]) => [name, new Chart(options)]));
  #timer = 0;
  #isShown = false;
  #isPolling = false;
  #nFailures = 0;
  #shownTrace = "";

  constructor() {
    byId("panels").append(...Object.values(this.#charts).map((chart) => chart.root));
    window.addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retryNow();
    });
  }

  start() {
    this.#isShown = true;
    this.retryNow();
  }

  stop() {
    this.#isShown = false;
    clearTimeout(this.#timer);
  }

  /** Polls at once, if it is shown. */
  retryNow() {
    clearTimeout(this.#timer);
    this.#nFailures = Math.min(this.#nFailures, 1);
    this.#poll();
  }

  async #poll() {
    if (!this.#isShown || this.#isPolling || document.hidden) return;
    this.#isPolling = true;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const [metrics, trace] = await Promise.allSettled(
      [fetchMetrics(signal), fetchTrace(MAX_REQUESTS, signal)]);
    this.#isPolling = false;
    const isKnown = metrics.status === "fulfilled";
    if (isKnown) this.#showMetrics(new Metrics(metrics.value));
    else this.#history.addGap(Date.now());
    this.#showTrace(trace);
    this.#nFailures = isKnown ? 0 : this.#nFailures + 1;
    const wait = isKnown ? POLL_MS : Math.min(1000 * 2 ** (this.#nFailures - 1), MAX_RETRY_MS);
    this.#showConnection(isKnown ? null : metrics.reason);
    if (this.#isShown) this.#timer = setTimeout(() => this.#poll(), wait);
  }

  #showMetrics(metrics) {
    const point = this.#history.add(Date.now(), metrics);
    const notes = { ttft: "of the last 30 seconds", itl: "of the last 30 seconds",
      tokens: "of the last 5 seconds", cache: cacheNote(metrics, point),
      preemptions: memoryNote(metrics) };
    for (const [name, chart] of Object.entries(this.#charts)) {
      chart.show(this.#history.points, notes[name]);
    }
  }

  #showTrace({ status, value, reason }) {
    const place = byId("requests");
    if (status === "fulfilled") {
      // Drawn anew only when it has changed: whoever reads it keeps the place.
      const text = JSON.stringify(value);
      if (this.#shownTrace !== text) drawRequests(place, value);
      this.#shownTrace = text;
    } else if (reason.status === 404) {
      this.#shownTrace = "";
      place.replaceChildren(element("p", { class: "empty" }, "This server records no timelines."));
    }
  }

  /** Says what is wrong, when that changes: the status line is read out. */
  #showConnection(error) {
    const place = byId("connection");
    place.classList.toggle("lost", error !== null);
    let text = "Live, updated every second.";
    if (error?.status === 404) text = "This server has no metrics.";
    else if (error?.name === "TimeoutError") text = "The server does not answer. Trying again.";
    else if (error) text = `${describeError(error)} Trying again.`;
    if (place.textContent !== text) place.textContent = text;
  }
}
