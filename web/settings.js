/** The user's settings, and what they make of a request. */

const KEY = "slipstream.settings";
const API_KEY = "slipstream.api-key";

/**
 * The sampling controls. An empty one is left out of the request: the server's default holds.
 * `integer` ones take whole numbers.
 */
export const SAMPLING_FIELDS = [
  { name: "temperature", label: "Temperature", min: 0, max: 5, step: 0.05,
    hint: "0 always takes the likeliest token; higher is more varied." },
  { name: "top_p", label: "Top-p", min: 0, max: 1, step: 0.01,
    hint: "Only the likeliest tokens that together have this probability." },
  { name: "top_k", label: "Top-k", min: 0, max: 100000, step: 1, integer: true,
    hint: "Only this many of the likeliest tokens; 0 is all." },
  { name: "min_p", label: "Min-p", min: 0, max: 1, step: 0.01,
    hint: "Only tokens at least this likely, relative to the likeliest." },
  { name: "max_tokens", label: "Max tokens", min: 1, max: 1000000, step: 1, integer: true,
    hint: "Where an answer is cut off." },
  { name: "seed", label: "Seed", min: 0, max: 4294967295, step: 1, integer: true,
    hint: "The same seed gives the same answer; empty is random." },
];

/** At most as many as OpenAI's interface takes. */
const MAX_STOPS = 4;

/**
 * What is wrong with a control's text, as a sentence; empty when nothing is.
 * @param {Object} field one of SAMPLING_FIELDS
 * @param {string} text
 */
export function problemOf(field, text) {
  if (text.trim() === "") return "";
  const value = Number(text);
  if (!Number.isFinite(value)) return `${field.label} must be a number.`;
  if (field.integer && !Number.isInteger(value)) return `${field.label} must be a whole number.`;
  if (value < field.min || value > field.max) {
    return `${field.label} must be from ${field.min} to ${field.max}.`;
  }
  return "";
}

/** Stop strings, one a line; \n and \t in them are a line break and a tab. @returns {string[]} */
export function parseStops(text) {
  const escapes = { n: "\n", t: "\t", "\\": "\\" };
  return text.split("\n").filter((line) => line !== "").slice(0, MAX_STOPS)
    .map((line) => line.replace(/\\([nt\\])/g, (_, letter) => escapes[letter]));
}

/**
 * The request's fields for the controls that are filled in. Those with a problem are left out.
 * @param {Object<string, string>} sampling texts by name, "stop" among them
 */
export function samplingOptions(sampling) {
  const options = {};
  for (const field of SAMPLING_FIELDS) {
    const text = sampling[field.name] ?? "";
    if (text.trim() !== "" && !problemOf(field, text)) options[field.name] = Number(text);
  }
  const stops = parseStops(sampling.stop ?? "");
  if (stops.length > 0) options.stop = stops;
  return options;
}

/** Kept in localStorage; the API key only until the tab is closed. */
export class Settings {
  /** @type {Object<string, string>} */
  sampling = {};
  model = "";
  /** The system prompt of new conversations. */
  system = "";
  #apiKey = "";

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY)) ?? {};
      for (const name of ["model", "system"]) {
        if (typeof kept[name] === "string") this[name] = kept[name];
      }
      for (const [name, text] of Object.entries(kept.sampling ?? {})) {
        if (typeof text === "string") this.sampling[name] = text;
      }
      this.#apiKey = sessionStorage.getItem(API_KEY) ?? "";
    } catch {
      // Storage is switched off, or holds something else: the defaults do.
    }
  }

  get apiKey() {
    return this.#apiKey;
  }

  set apiKey(key) {
    this.#apiKey = key;
    this.#keep(() => sessionStorage.setItem(API_KEY, key));
  }

  save() {
    const { sampling, model, system } = this;
    this.#keep(() => localStorage.setItem(KEY, JSON.stringify({ sampling, model, system })));
  }

  #keep(write) {
    try {
      write();
    } catch {
      // They hold until the page is closed.
    }
  }
}
