/** The sheet with the system prompt, the sampling controls and the API key. */
import { setApiKey } from "./api.js";
import { byId, element } from "./dom.js";
import { problemOf, SAMPLING_FIELDS } from "./settings.js";

function samplingControl(field, settings) {
  const id = `sampling-${field.name}`;
  const problem = element("p", { class: "error", id: `${id}-problem`, "aria-live": "polite" });
  const input = element("input", {
    id, type: "text", inputmode: field.integer ? "numeric" : "decimal", autocomplete: "off",
    placeholder: "default", "aria-describedby": `${id}-hint ${id}-problem`,
    input: () => {
      settings.sampling[field.name] = input.value;
      settings.save();
      check();
    },
  });
  const check = () => {
    problem.textContent = problemOf(field, input.value);
    input.setAttribute("aria-invalid", String(problem.textContent !== ""));
  };
  const show = () => {
    input.value = settings.sampling[field.name] ?? "";
    check();
  };
  const root = element("div", { class: "control" },
    element("label", { for: id }, field.label), input,
    element("p", { class: "hint", id: `${id}-hint` }, field.hint), problem);
  return { root, show };
}

/**
 * Wires the sheet up.
 * @param {{settings: import("./settings.js").Settings, chat: import("./chat.js").Chat,
 *          onKeyChanged: function()}} options
 */
export function setUpSettings({ settings, chat, onKeyChanged }) {
  const dialog = byId("settings");
  const system = byId("system");
  const stops = byId("stop-strings");
  const key = byId("api-key");
  const controls = SAMPLING_FIELDS.map((field) => samplingControl(field, settings));
  byId("sampling").append(...controls.map((control) => control.root));

  const show = () => {
    system.value = chat.conversation.system;
    stops.value = settings.sampling.stop ?? "";
    key.value = settings.apiKey;
    for (const control of controls) control.show();
  };
  byId("settings-open").addEventListener("click", () => {
    show();
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();  // beside the sheet
  });
  system.addEventListener("input", () => {
    chat.setSystem(system.value);
    settings.system = system.value;
    settings.save();
  });
  stops.addEventListener("input", () => {
    settings.sampling.stop = stops.value;
    settings.save();
  });
  byId("sampling-reset").addEventListener("click", () => {
    settings.sampling = {};
    settings.save();
    show();
  });
  key.addEventListener("change", () => {
    settings.apiKey = key.value;
    setApiKey(key.value);
    onKeyChanged();
  });
}
