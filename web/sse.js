/** Server-sent events from a fetch() body (WHATWG HTML standard, section 9.2). */

/** The reading side of one stream. */
export class SseParser {
  #rest = "";
  #type = "";
  #data = [];

  /**
   * Takes the next piece of text, cut anywhere, and returns the events that it completes.
   * @param {string} text
   * @returns {{type: string, data: string}[]}
   */
  feed(text) {
    const events = [];
    const buffer = this.#rest + text;
    const lineEnd = /\r\n|\n|\r/g;
    let begin = 0;
    for (let match; (match = lineEnd.exec(buffer)); begin = lineEnd.lastIndex) {
      // Perhaps the first half of CR LF.
      if (match[0] === "\r" && lineEnd.lastIndex === buffer.length) break;
      this.#takeLine(buffer.slice(begin, match.index), events);
    }
    this.#rest = buffer.slice(begin);
    return events;
  }

  #takeLine(line, events) {
    if (line === "") {
      if (this.#data.length > 0) {
        events.push({ type: this.#type || "message", data: this.#data.join("\n") });
      }
      this.#type = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
  }
}

/**
 * The events of a response's body, until it ends. Leaving the loop early gives up the connection.
 * @param {ReadableStream<Uint8Array>} body
 */
export async function* readEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
