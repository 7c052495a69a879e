/**
 * Making elements. Text only ever goes in as text nodes, and styles through the CSSOM: the
 * page's Content-Security-Policy forbids markup from strings and inline styles.
 */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * An HTML element. A function among `attributes` listens to the event of that name; `undefined`,
 * `null` and `false` leave an attribute out, `true` makes it empty.
 * @param {string} tag
 * @param {Object<string, *>} [attributes]
 * @param {...(Node|string|null)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element; see element(). @returns {SVGElement} */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A quiet button with a visible label. @returns {HTMLButtonElement} */
export function textButton(label, click, attributes = {}) {
  return element("button", { type: "button", class: "quiet", click, ...attributes }, label);
}

/** The element of that id, which has to be there. @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}

/** Has screen readers say `text`, once they have finished what they are saying. */
export function announce(text) {
  const region = byId("announcer");
  // The same text twice is no change: an empty region in between makes it one.
  region.textContent = "";
  setTimeout(() => {
    region.textContent = text;
  }, 50);
}

/**
 * Asks before something is lost. Resolves to whether the user agreed.
 * @param {{question: string, action: string}} options
 * @returns {Promise<boolean>}
 */
export function confirmLoss({ question, action }) {
  const dialog = byId("confirm");
  byId("confirm-question").textContent = question;
  byId("confirm-yes").textContent = action;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
