/** The choice of model. */
import { listModels } from "./api.js";
import { byId, element } from "./dom.js";
import { describeError } from "./errors.js";

const RETRY_MS = 3000;

/** Fills the list from the server, and goes on trying while the server can't be reached. */
export class ModelPicker {
  #settings;
  #select = byId("model");
  #error = byId("server-error");
  #retry = 0;

  /** @param {import("./settings.js").Settings} settings */
  constructor(settings) {
    this.#settings = settings;
    this.#select.addEventListener("change", () => {
      settings.model = this.#select.value;
      settings.save();
    });
  }

  async load() {
    clearTimeout(this.#retry);
    try {
      this.#show(await listModels());
    } catch (error) {
      this.#showProblem(describeError(error));
      if (![401, 403].includes(error.status)) this.#retry = setTimeout(() => this.load(), RETRY_MS);
    }
  }

  #show(models) {
    if (this.#select.dataset.problem) {
      delete this.#select.dataset.problem;
      this.#error.hidden = true;
    }
    if (!models.includes(this.#settings.model)) this.#settings.model = models[0] ?? "";
    this.#fill(models);
    this.#select.value = this.#settings.model;
  }

  #fill(names) {
    this.#select.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    this.#select.disabled = names.length === 0;
  }

  /** Only once: an alert that is repeated every few seconds would drown everything else. */
  #showProblem(problem) {
    if (this.#select.dataset.problem === problem) return;
    this.#select.dataset.problem = problem;
    this.#fill([]);
    this.#error.textContent = problem;
    this.#error.hidden = false;
  }
}
