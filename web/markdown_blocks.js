/**
 * Markdown's blocks: headings, paragraphs, lists, quotations, tables, code, rules. Text in, a tree
 * of plain objects out; markdown_inline.js reads what stands within a block. CommonMark 0.31 and
 * GitHub's tables, with the leniency that models need: two spaces nest a list.
 *
 * @typedef {{type: "heading", level: number, text: string} | {type: "paragraph", text: string} |
 *           {type: "code", language: string, text: string} | {type: "rule"} |
 *           {type: "quote", children: Block[]} |
 *           {type: "list", start: number|null, items: Block[][]} |
 *           {type: "table", alignments: string[], header: string[], rows: string[][]}} Block
 */

const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/;
const FENCE = /^( {0,3})(`{3,}|~{3,})([^`]*)$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:( {1,4})(?=\S)|[ \t]*$|[ \t]+)/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const MAX_DEPTH = 12;
const MAX_COLUMNS = 64;
// What is longer is a paragraph: the patterns above look at a line more than once.
const MAX_MARKER_LINE = 20000;

const isBlank = (line) => line.trim() === "";
const indentOf = (line) => line.length - line.trimStart().length;

/** The cells of a table's row; "\|" is no separator. */
function splitRow(line) {
  const cells = line.trim().replace(/^\|/, "").split(/(?<!\\)\|/);
  if (cells.length > 1 && isBlank(cells[cells.length - 1])) cells.pop();
  return cells.slice(0, MAX_COLUMNS).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function alignmentOf(cell) {
  const left = cell.startsWith(":");
  const right = cell.endsWith(":");
  return left && right ? "center" : right ? "right" : left ? "left" : "";
}

function startsTable(lines, index) {
  const next = lines[index + 1];
  return next !== undefined && lines[index].includes("|") && next.includes("-") &&
    next.length < MAX_MARKER_LINE && TABLE_RULE.test(next) &&
    splitRow(lines[index]).length === splitRow(next).length;
}

/** Whether a line ends the paragraph before it. */
function interrupts(lines, index) {
  const line = lines[index];
  if (line.length > MAX_MARKER_LINE) return false;
  return isBlank(line) || HEADING.test(line) || FENCE.test(line) || RULE.test(line) ||
    QUOTE.test(line) || ITEM.test(line) || startsTable(lines, index);
}

/** Reads the blocks of some lines, one after the other. */
class BlockReader {
  #lines;
  #depth;
  #next = 0;

  constructor(lines, depth) {
    this.#lines = lines;
    this.#depth = depth;
  }

  /** @returns {Array<Block & {source: string}>} */
  read() {
    const blocks = [];
    while (this.#next < this.#lines.length) {
      if (isBlank(this.#lines[this.#next])) {
        ++this.#next;
        continue;
      }
      const begin = this.#next;
      const block = this.#block();
      blocks.push({ ...block, source: this.#lines.slice(begin, this.#next).join("\n") });
    }
    return blocks;
  }

  #block() {
    const line = this.#lines[this.#next];
    if (line.length > MAX_MARKER_LINE) return this.#paragraph();
    const fence = FENCE.exec(line);
    if (fence) return this.#code(fence);
    const heading = HEADING.exec(line);
    if (heading) return this.#heading(heading);
    if (RULE.test(line)) return this.#rule();
    if (this.#depth < MAX_DEPTH) {
      if (QUOTE.test(line)) return this.#quote();
      const item = ITEM.exec(line);
      if (item) return this.#list(item[2]);
    }
    if (startsTable(this.#lines, this.#next)) return this.#table();
    return this.#paragraph();
  }

  #heading([, marks, text = ""]) {
    ++this.#next;
    return { type: "heading", level: marks.length, text: text.trim().replace(/(^|[ \t])#+$/, "") };
  }

  #rule() {
    ++this.#next;
    return { type: "rule" };
  }

  /** Up to the closing fence, or to the end: while an answer streams in, it may still come. */
  #code([, indent, fence, info]) {
    const closing = new RegExp(`^ {0,3}${fence[0]}{${Math.min(fence.length, 100)},}[ \\t]*$`);
    const text = [];
    for (++this.#next; this.#next < this.#lines.length; ++this.#next) {
      const line = this.#lines[this.#next];
      if (line.length < MAX_MARKER_LINE && closing.test(line)) {
        ++this.#next;
        break;
      }
      text.push(line.slice(Math.min(indent.length, indentOf(line))));
    }
    const language = /^[\w+#.-]{1,30}/.exec(info.trim())?.[0] ?? "";
    return { type: "code", language, text: text.join("\n") };
  }

  /** Lines marked with ">", and those that go on with their paragraph without it. */
  #quote() {
    const inner = [];
    for (; this.#next < this.#lines.length; ++this.#next) {
      const line = this.#lines[this.#next];
      if (!QUOTE.test(line) && interrupts(this.#lines, this.#next)) break;
      inner.push(line.replace(QUOTE, ""));
    }
    return { type: "quote", children: this.#inner(inner) };
  }

  #inner(lines) {
    return new BlockReader(lines, this.#depth + 1).read();
  }

  #list(marker) {
    const kind = marker[marker.length - 1];
    const start = /\d/.test(marker) ? Number.parseInt(marker, 10) : null;
    const items = [];
    while (this.#next < this.#lines.length) {
      const line = this.#lines[this.#next];
      const item = ITEM.exec(line);
      if (!item || item[2][item[2].length - 1] !== kind || RULE.test(line)) break;
      items.push(this.#item(item));
    }
    return { type: "list", start, items };
  }

  /** An item, and the blank lines behind it. */
  #item([mark, indent, marker, padding = " "]) {
    const contentIndent = indent.length + marker.length + padding.length;
    const inner = [this.#lines[this.#next].slice(mark.length)];
    let wasBlank = isBlank(inner[0]);
    for (++this.#next; this.#next < this.#lines.length; ++this.#next) {
      const line = this.#lines[this.#next];
      const depth = indentOf(line) - indent.length;
      const isInside = isBlank(line) || depth >= 2 ||
        (!wasBlank && !interrupts(this.#lines, this.#next));
      if (!isInside) break;
      inner.push(line.slice(Math.min(indentOf(line), contentIndent)));
      wasBlank = isBlank(line);
    }
    return this.#inner(inner);
  }

  #table() {
    const header = splitRow(this.#lines[this.#next]);
    const alignments = splitRow(this.#lines[this.#next + 1]).map(alignmentOf);
    const rows = [];
    for (this.#next += 2; this.#next < this.#lines.length; ++this.#next) {
      const line = this.#lines[this.#next];
      if (isBlank(line) || !line.includes("|")) break;
      const cells = splitRow(line);
      rows.push(header.map((_, column) => cells[column] ?? ""));
    }
    return { type: "table", alignments, header, rows };
  }

  #paragraph() {
    const text = [this.#lines[this.#next].trim()];
    for (++this.#next; this.#next < this.#lines.length; ++this.#next) {
      if (interrupts(this.#lines, this.#next)) break;
      text.push(this.#lines[this.#next].trim());
    }
    return { type: "paragraph", text: text.join("\n") };
  }
}

/**
 * The blocks of a text; each carries the lines it was read from as `source`.
 * @param {string} text
 * @returns {Array<Block & {source: string}>}
 */
export function parseBlocks(text) {
  return new BlockReader(text.replace(/\r\n?/g, "\n").split("\n"), 0).read();
}
