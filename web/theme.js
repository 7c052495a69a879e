/** Dark and light: the system's choice, until the user makes another. */
import { announce } from "./dom.js";

const KEY = "slipstream.theme";
const root = document.documentElement;
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

function current() {
  return root.dataset.theme ?? (systemIsDark.matches ? "dark" : "light");
}

function choose(theme) {
  const isSystems = theme === (systemIsDark.matches ? "dark" : "light");
  if (isSystems) delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (isSystems) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is closed.
  }
}

/** Makes `button` switch between the themes. */
export function setUpTheme(button) {
  const other = () => (current() === "dark" ? "light" : "dark");
  const label = () => button.setAttribute("aria-label", `Use the ${other()} theme`);
  button.addEventListener("click", () => {
    choose(other());
    label();
    announce(`The theme is ${current()}.`);
  });
  systemIsDark.addEventListener("change", label);
  label();
}
