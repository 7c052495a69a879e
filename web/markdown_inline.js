/**
 * Markdown within a block: code, emphasis, links. Text in, a tree of plain objects out; no HTML is
 * recognised but <br>. Emphasis follows CommonMark 0.31, section 6.2, without its rule of three.
 * Takes time in proportion to the text's length, whatever the text is.
 *
 * @typedef {{type: "text"|"code", text: string} | {type: "break"} |
 *           {type: "strong"|"em"|"del", children: Inline[]} |
 *           {type: "link", href: string, children: Inline[]}} Inline
 */

const PUNCTUATION = /[\p{P}\p{S}]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const BARE_URL = /https?:\/\/[^\s<>"'`]{1,2000}/iy;
const ANGLE_URL = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/iy;
const BREAK_TAG = /<br\s{0,3}\/?>/iy;
const MAX_OPEN_DELIMITERS = 24;
const MAX_BACKTICKS = 32;
const MAX_LINK_DEPTH = 2;
const MAX_DESTINATION = 2000;

/** The URL if a click on it can do no harm, else null: http, https and mailto. */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function matchAt(pattern, text, position) {
  pattern.lastIndex = position;
  return pattern.exec(text);
}

function runLength(text, position, character = text[position]) {
  let end = position;
  while (text[end] === character) ++end;
  return end - position;
}

/** For each "[" its "]". */
function matchBrackets(text) {
  const matches = new Map();
  const open = [];
  for (let i = 0; i < text.length; ++i) {
    if (text[i] === "\\") ++i;
    else if (text[i] === "[") open.push(i);
    else if (text[i] === "]" && open.length > 0) matches.set(open.pop(), i);
  }
  return matches;
}

/** `(destination "title")` at `position`: the destination, and where it all ends; or null. */
function parseDestination(text, position) {
  if (text[position] !== "(") return null;
  let depth = 0;
  const limit = Math.min(text.length, position + MAX_DESTINATION);
  for (let i = position; i < limit; ++i) {
    if (text[i] === "\\") ++i;
    else if (text[i] === "(") ++depth;
    else if (text[i] === ")" && --depth === 0) {
      const [destination = ""] = text.slice(position + 1, i).trim().split(/\s+(?=["'(])/);
      return { href: destination.replace(/^<(.*)>$/, "$1"), end: i + 1 };
    }
  }
  return null;
}

/** Whether a run of delimiters may open and close emphasis. */
function flanking(text, begin, end) {
  const isSpace = (c) => c === undefined || /\s/.test(c);
  const before = text[begin - 1];
  const after = text[end];
  const punctuationBefore = !isSpace(before) && PUNCTUATION.test(before);
  const punctuationAfter = !isSpace(after) && PUNCTUATION.test(after);
  const left = !isSpace(after) && (!punctuationAfter || isSpace(before) || punctuationBefore);
  const right = !isSpace(before) && (!punctuationBefore || isSpace(after) || punctuationAfter);
  if (text[begin] !== "_") return { canOpen: left, canClose: right };
  return {
    canOpen: left && (!right || punctuationBefore),
    canClose: right && (!left || punctuationAfter),
  };
}

/** Collects the nodes of one text; open delimiters are frames of a stack until they are closed. */
class Builder {
  #frames = [{ character: "", count: 0, children: [] }];

  get #top() {
    return this.#frames[this.#frames.length - 1];
  }

  add(node) {
    const { children } = this.#top;
    const last = children[children.length - 1];
    if (node.type === "text" && last?.type === "text") last.text += node.text;
    else if (node.type !== "text" || node.text !== "") children.push(node);
  }

  text(text) {
    this.add({ type: "text", text });
  }

  /** What was opened above frame `index` and never closed is text. */
  #flattenAbove(index) {
    for (const { character, count, children } of this.#frames.splice(index + 1)) {
      this.text(character.repeat(count));
      for (const child of children) this.add(child);
    }
  }

  /** A run of `count` delimiters. */
  delimiters(character, count, { canOpen, canClose }) {
    let left = count;
    while (canClose && left > 0) {
      const index = this.#frames.findLastIndex((frame) =>
        frame.character === character && (character !== "~" || frame.count === left));
      if (index < 1) break;
      this.#flattenAbove(index);
      left -= this.#close(left);
    }
    if (left === 0) return;
    if (canOpen && this.#frames.length <= MAX_OPEN_DELIMITERS) {
      this.#frames.push({ character, count: left, children: [] });
    } else {
      this.text(character.repeat(left));
    }
  }

  /** Closes the top frame with up to `available` delimiters; gives how many. */
  #close(available) {
    const frame = this.#frames.pop();
    const used = Math.min(frame.count, available, 2);
    const type = frame.character === "~" ? "del" : used === 2 ? "strong" : "em";
    const node = { type, children: frame.children };
    if (frame.count === used) this.add(node);
    else this.#frames.push({ ...frame, count: frame.count - used, children: [node] });
    return used;
  }

  /** @returns {Inline[]} */
  finish() {
    this.#flattenAbove(0);
    return this.#frames[0].children;
  }
}

class Scanner {
  #text;
  #depth;
  #brackets;
  #lastBackticks = new Map();  // the last run of each length
  #builder = new Builder();

  constructor(text, depth) {
    this.#text = text;
    this.#depth = depth;
    this.#brackets = depth < MAX_LINK_DEPTH ? matchBrackets(text) : new Map();
    for (const run of text.matchAll(/`+/g)) this.#lastBackticks.set(run[0].length, run.index);
  }

  /** @returns {Inline[]} */
  scan() {
    const special = /[\\`*_~[!<\n]|https?:/gi;
    let position = 0;
    while (position < this.#text.length) {
      special.lastIndex = position;
      const next = special.exec(this.#text)?.index ?? this.#text.length;
      this.#builder.text(this.#text.slice(position, next));
      if (next === this.#text.length) break;
      position = this.#take(next);
    }
    return this.#builder.finish();
  }

  /** Takes what begins at `position`; gives where it ends. */
  #take(position) {
    const taken = this.#special(position);
    if (taken > position) return taken;
    this.#builder.text(this.#text[position]);
    return position + 1;
  }

  #special(position) {
    switch (this.#text[position]) {
      case "\\": return this.#escape(position);
      case "`": return this.#code(position);
      case "*": case "_": case "~": return this.#emphasis(position);
      case "[": return this.#link(position, position);
      // An image would be fetched from elsewhere: its description links to it.
      case "!":
        return this.#text[position + 1] === "[" ? this.#link(position, position + 1) : position;
      case "<": return this.#angle(position);
      case "\n":
        this.#builder.add({ type: "break" });
        return position + 1;
      default: return this.#bareUrl(position);
    }
  }

  #escape(position) {
    const next = this.#text[position + 1] ?? "";
    if (!ESCAPABLE.test(next)) return position;
    this.#builder.text(next);
    return position + 2;
  }

  #code(position) {
    const length = runLength(this.#text, position);
    const begin = position + length;
    if (length <= MAX_BACKTICKS && (this.#lastBackticks.get(length) ?? 0) >= begin) {
      const closing = new RegExp(`(?<!\`)\`{${length}}(?!\`)`, "g");
      closing.lastIndex = begin;
      const end = closing.exec(this.#text).index;
      const code = this.#text.slice(begin, end).replace(/\n/g, " ");
      const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
      this.#builder.add({ type: "code", text: isPadded ? code.slice(1, -1) : code });
      return end + length;
    }
    this.#builder.text("`".repeat(length));
    return begin;
  }

  #emphasis(position) {
    const character = this.#text[position];
    const count = runLength(this.#text, position);
    const end = position + count;
    const known = character !== "~" || count === 2;
    const sides = known ? flanking(this.#text, position, end) : { canOpen: false, canClose: false };
    this.#builder.delimiters(character, count, sides);
    return end;
  }

  /** A link whose "[" is at `bracket`; `position` is where its "!" stands, if it is an image. */
  #link(position, bracket) {
    const close = this.#brackets.get(bracket);
    const found = close === undefined ? null : parseDestination(this.#text, close + 1);
    const href = found && safeUrl(found.href);
    if (!href) return position;
    const label = this.#text.slice(bracket + 1, close) || href;
    this.#builder.add({ type: "link", href, children: parseLabel(label, this.#depth) });
    return found.end;
  }

  #angle(position) {
    const tag = matchAt(BREAK_TAG, this.#text, position);
    if (tag) {
      this.#builder.add({ type: "break" });
      return position + tag[0].length;
    }
    const match = matchAt(ANGLE_URL, this.#text, position);
    return match ? this.#addUrl(position, match[1], match[0].length) : position;
  }

  #bareUrl(position) {
    const match = matchAt(BARE_URL, this.#text, position);
    if (!match || this.#depth > 0) return position;
    let url = match[0].replace(/[.,;:!?*_~\]]+$/, "");
    if (url.endsWith(")") && !url.includes("(")) url = url.replace(/[).,;:!?*_~\]]+$/, "");
    return this.#addUrl(position, url, url.length);
  }

  #addUrl(position, url, length) {
    const href = safeUrl(url);
    if (!href) return position;
    this.#builder.add({ type: "link", href, children: [{ type: "text", text: url }] });
    return position + length;
  }
}

/** Links hold no links: those in a label are unwrapped. */
function parseLabel(label, depth) {
  const unwrap = (nodes) => nodes.flatMap((node) => {
    if (node.type === "link") return unwrap(node.children);
    return node.children ? [{ ...node, children: unwrap(node.children) }] : [node];
  });
  return unwrap(new Scanner(label, depth + 1).scan());
}

/**
 * The nodes of a block's text. Line breaks are kept.
 * @param {string} text
 * @returns {Inline[]}
 */
export function parseInline(text) {
  return new Scanner(text, 0).scan();
}
