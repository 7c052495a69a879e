/** The last requests as timelines, from the spans of /debug/trace. */
import { element, svg } from "./dom.js";
import { formatSeconds } from "./format.js";

const KINDS = ["queued", "prefill", "decode"];
/** That the table shows. */
export const MAX_REQUESTS = 20;
const MAX_ID = 13;
const WIDTH = 400;
const HEIGHT = 14;

/**
 * @typedef {{kind: string, begin: number, duration: number}} Span microseconds
 * @typedef {{id: string, begin: number, end: number, spans: Span[]}} RequestSpans
 */

/**
 * The requests of a trace, the latest first. A request that was pre-empted has several spans of a
 * kind; events that are none of ours are left out. Requests are told apart by `tid`, the server's
 * number: clients may give several the same id.
 * @param {Object[]} events of Chrome's trace format
 * @returns {RequestSpans[]}
 */
export function requestsOf(events) {
  const requests = new Map();
  for (const { ph, name, ts, dur, tid, args } of events) {
    const id = args?.request_id;
    if (ph !== "X" || !KINDS.includes(name) || id === undefined || tid === undefined) continue;
    if (!Number.isFinite(ts) || !(dur >= 0)) continue;
    const request = requests.get(tid) ?? { id: String(id), begin: Infinity, end: 0, spans: [] };
    request.spans.push({ kind: name, begin: ts, duration: dur });
    request.begin = Math.min(request.begin, ts);
    request.end = Math.max(request.end, ts + dur);
    requests.set(tid, request);
  }
  return [...requests.values()].sort((a, b) => b.begin - a.begin).slice(0, MAX_REQUESTS);
}

function totalOf({ spans }, kind) {
  const durations = spans.filter((span) => span.kind === kind).map((span) => span.duration);
  return durations.length > 0 ? durations.reduce((a, b) => a + b) / 1e6 : null;
}

/** A bar of the request's spans; `scale` is pixels a microsecond. */
function timeline({ begin, spans }, scale) {
  return svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
  }, ...spans.map((span) => svg("rect", {
    class: span.kind, x: ((span.begin - begin) * scale).toFixed(2), y: 0, height: HEIGHT,
    // What took no time to speak of is still there to be seen.
    width: Math.max(span.duration * scale, 0.75).toFixed(2),
  })));
}

/** The end of a long id: the server numbers its own there, and all begin alike. */
function shortId(id) {
  return id.length > MAX_ID ? `…${id.slice(-8)}` : id;
}

function row(request, scale) {
  return element("tr", {},
    element("th", { scope: "row" }, element("span", { title: request.id }, shortId(request.id))),
    element("td", { class: "timeline" }, timeline(request, scale)),
    element("td", {}, formatSeconds((request.end - request.begin) / 1e6)),
    ...KINDS.map((kind) => element("td", {}, formatSeconds(totalOf(request, kind)))));
}

/** Draws the table into `place`. All bars begin at the request's arrival and have one scale. */
export function drawRequests(place, events) {
  const requests = requestsOf(events);
  if (requests.length === 0) {
    place.replaceChildren(element("p", { class: "empty" }, "No requests yet."));
    return;
  }
  const longest = Math.max(...requests.map(({ begin, end }) => end - begin), 1);
  // What matters most first: on a phone the last columns are scrolled to.
  const head = ["Request", `Timeline, 0 to ${formatSeconds(longest / 1e6)}`, "Total", "Queued",
    "Prefill", "Decode"];
  place.replaceChildren(element("div", { class: "table", tabindex: "0", role: "region",
    "aria-label": "Timelines of the requests" },
  element("table", { class: "requests" },
    element("thead", {}, element("tr", {},
      ...head.map((label) => element("th", { scope: "col" }, label)))),
    element("tbody", {}, ...requests.map((request) => row(request, WIDTH / longest))))));
}
