/** Copying text, also where the page was not loaded over HTTPS. */
import { announce, element, textButton } from "./dom.js";

function copyBySelection(text) {
  const area = element("textarea",
    { class: "visually-hidden", "aria-hidden": "true", tabindex: "-1" });
  area.value = text;
  // Inside an open dialog, nothing outside of it can be selected.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  const before = document.activeElement;
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  before?.focus?.();
  return copied;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/**
 * A button that copies what `getText` gives, and says so for two seconds.
 * @param {function(): string} getText
 * @param {string} what for screen readers: "Copy code"
 * @returns {HTMLButtonElement}
 */
export function copyButton(getText, what) {
  const button = textButton("Copy", async () => {
    const copied = await copy(getText());
    button.textContent = copied ? "Copied" : "Could not copy";
    announce(button.textContent);
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  }, { "aria-label": what });
  return button;
}
