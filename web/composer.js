/** The field that messages are written in, and the keys that send and stop. */
import { byId } from "./dom.js";

const MAX_HEIGHT = 260;

/**
 * Wires the field up.
 * @param {import("./chat.js").Chat} chat
 */
export function setUpComposer(chat) {
  const form = byId("composer");
  const field = byId("prompt");

  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, MAX_HEIGHT)}px`;
  };
  const send = () => {
    const text = field.value;
    if (text.trim() === "" || chat.isBusy) return;
    field.value = "";
    fit();
    chat.send(text);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
    field.focus();
  });
  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    // While an input method composes, Enter takes its suggestion.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  byId("stop").addEventListener("click", () => {
    chat.stop();
    field.focus();
  });
  document.addEventListener("keydown", (event) => {
    // In a dialog, Escape closes that.
    const isInDialog = document.querySelector("dialog[open]") !== null;
    if (event.key === "Escape" && chat.isBusy && !isInDialog) chat.stop();
  });
}
