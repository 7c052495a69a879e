/** Markdown as elements. What a model writes becomes text nodes: no string is parsed as HTML. */
import { copyButton } from "./clipboard.js";
import { element } from "./dom.js";
import { parseBlocks } from "./markdown_blocks.js";
import { parseInline } from "./markdown_inline.js";

function inlineNode(node) {
  switch (node.type) {
    case "text": return node.text;
    case "code": return element("code", {}, node.text);
    case "break": return element("br");
    case "link":
      return element("a",
        { href: node.href, target: "_blank", rel: "noopener noreferrer nofollow" },
        ...node.children.map(inlineNode));
    default: return element(node.type, {}, ...node.children.map(inlineNode));
  }
}

const inline = (text) => parseInline(text).map(inlineNode);

function codeBlock({ language, text }) {
  const name = language ? `Code, ${language}` : "Code";
  return element("figure", { class: "code" },
    element("figcaption", {}, element("span", {}, language || "code"),
      copyButton(() => text, "Copy code")),
    // Reachable by keyboard, so that long lines can be scrolled.
    element("pre", { tabindex: "0", role: "region", "aria-label": name },
      element("code", {}, text)));
}

/** An item that is one paragraph is set without it: a tight list. */
function listItem(blocks) {
  const [first, ...others] = blocks;
  if (first?.type !== "paragraph") return element("li", {}, ...blocks.map(blockNode));
  return element("li", {}, ...inline(first.text), ...others.map(blockNode));
}

function list({ start, items }) {
  const attributes = start === null || start === 1 ? {} : { start };
  return element(start === null ? "ul" : "ol", attributes, ...items.map(listItem));
}

function table({ alignments, header, rows }) {
  const cell = (tag) => (text, column) =>
    element(tag, { class: alignments[column] ? `align-${alignments[column]}` : null,
      scope: tag === "th" ? "col" : null }, ...inline(text));
  return element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Table" },
    element("table", {},
      element("thead", {}, element("tr", {}, ...header.map(cell("th")))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell("td")))))));
}

function blockNode(block) {
  switch (block.type) {
    // Below the page's own headings, which end at the second level.
    case "heading": return element(`h${Math.min(block.level + 2, 6)}`, {}, ...inline(block.text));
    case "code": return codeBlock(block);
    case "quote": return element("blockquote", {}, ...block.children.map(blockNode));
    case "list": return list(block);
    case "table": return table(block);
    case "rule": return element("hr");
    default: return element("p", {}, ...inline(block.text));
  }
}

/**
 * Shows a text that grows: blocks whose source has not changed keep their elements, and with them
 * the user's selection and scroll positions.
 */
export class MarkdownView {
  #root;
  #sources = [];

  /** @param {HTMLElement} root an empty element, which is this view's from now on */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} text all of it */
  show(text) {
    const blocks = parseBlocks(text);
    const sources = blocks.map((block) => block.source);
    let same = 0;
    while (same < sources.length && sources[same] === this.#sources[same]) ++same;
    while (this.#root.childNodes.length > same) this.#root.lastChild.remove();
    this.#root.append(...blocks.slice(same).map(blockNode));
    this.#sources = sources;
  }
}
