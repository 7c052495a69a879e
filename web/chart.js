/** Small line charts, drawn in SVG. */
import { element, svg } from "./dom.js";
import { HISTORY_MS } from "./metrics_history.js";

const WIDTH = 300;
const HEIGHT = 72;
const GRID = [0.5, HEIGHT / 2, HEIGHT - 0.5].map((y) => `M0 ${y}H${WIDTH}`).join("");

/** The smallest of 1, 2, 5 times a power of ten that is not below `value`. */
export function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9));
}

/** An SVG path through the points; a null begins a new piece. */
function pathOf(points, key, { now, top }) {
  let path = "";
  let isDrawing = false;
  for (const point of points) {
    if (point[key] === null) {
      isDrawing = false;
      continue;
    }
    const x = WIDTH * (1 - (now - point.time) / HISTORY_MS);
    const y = HEIGHT - 1 - (HEIGHT - 2) * Math.min(point[key] / top, 1);
    path += `${isDrawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    // A point alone is a dot: a line of no length with round ends.
    if (!isDrawing) path += "h0.01";
    isDrawing = true;
  }
  return path;
}

/** @typedef {{key: string, label: string}} Line the second one of a chart is dashed */

/** A panel: title, the newest values, and their lines over the last two minutes. */
export class Chart {
  #options;
  #title;
  #values;
  #paths;
  #axis = element("span", { class: "axis" });
  #graphic;
  #note = element("p", { class: "panel-note" });
  /** @type {HTMLElement} */
  root;

  /**
   * @param {{title: string, lines: Line[], format: function(number|null): string,
   *          top?: number}} options `top`: where the scale ends, if that is fixed
   */
  constructor(options) {
    this.#options = options;
    const { title, lines } = options;
    this.#title = title;
    this.#values = lines.map(() => element("dd", {}));
    this.#paths = lines.map((_, index) => svg("path", { class: `line line-${index}` }));
    this.#graphic = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
    }, svg("path", { class: "grid", d: GRID }), ...this.#paths);
    this.root = element("section", { class: "panel" },
      element("h3", {}, title),
      element("dl", {}, ...lines.map(({ label }, index) => element("div", {},
        element("dt", {}, element("span", { class: `stroke stroke-${index}` }), label),
        this.#values[index]))),
      element("div", { class: "graphic" }, this.#graphic, this.#axis), this.#note);
  }

  /**
   * @param {import("./metrics_history.js").Point[]} points
   * @param {string} [note] a line below the chart
   */
  show(points, note = "") {
    const { lines, format } = this.#options;
    const now = points.at(-1)?.time ?? 0;
    const all = lines.flatMap(({ key }) => points.map((point) => point[key]));
    const largest = Math.max(0, ...all.filter((value) => value !== null));
    const top = this.#options.top ?? (largest > 0 ? niceCeiling(largest) : 1);
    lines.forEach(({ key }, index) => {
      this.#values[index].textContent = format(points.at(-1)?.[key] ?? null);
      this.#paths[index].setAttribute("d", pathOf(points, key, { now, top }));
    });
    this.#axis.textContent = format(top);
    this.#note.textContent = note;
    const said = lines.map(({ label }, index) => `${label} ${this.#values[index].textContent}`);
    this.#graphic.setAttribute("aria-label", `${this.#title} over the last two minutes: ` +
      `now ${said.join(", ")}; the highest is ${format(largest)}.`);
  }
}
