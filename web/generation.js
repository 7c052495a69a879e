/** One answer while it is being made. */
import { streamChat } from "./api.js";
import { describeError } from "./errors.js";
import { formatNumber, formatSeconds } from "./format.js";

/** @typedef {import("./store.js").Conversation} Conversation */
/** @typedef {import("./store.js").Message} Message */

/**
 * The messages of a request, behind the system prompt. An answer that failed is none, and what the
 * user said before and after it becomes one message: many chat templates want the roles in turn.
 */
export function requestMessages({ system, messages }) {
  const said = [];
  for (const { role, content } of messages) {
    const last = said.at(-1);
    if (role === "user" && last?.role === "user") last.content += `\n\n${content}`;
    else if (content !== "") said.push({ role, content });
  }
  return system.trim() === "" ? said : [{ role: "system", content: system }, ...said];
}

/** "128 tokens, 41.2 tokens/s, first token after 180 ms": as this page saw it. */
function describeSpeed({ nTokens, startedAt, firstAt, lastAt }) {
  const parts = [`${nTokens} ${nTokens === 1 ? "token" : "tokens"}`];
  if (nTokens > 1 && lastAt > firstAt) {
    parts.push(`${formatNumber(((nTokens - 1) * 1000) / (lastAt - firstAt))} tokens/s`);
  }
  parts.push(`first token after ${formatSeconds((firstAt - startedAt) / 1000)}`);
  return parts.join(", ");
}

export class Generation {
  #controller = new AbortController();
  #startedAt = performance.now();
  #firstAt = 0;
  #lastAt = 0;
  #nPieces = 0;
  /** @type {Conversation} */
  conversation;
  /** @type {Message} the one that grows */
  message = { role: "assistant", content: "" };
  /** Called when it has grown. */
  onGrown = () => {};

  /** @param {Conversation} conversation gets the message at its end */
  constructor(conversation) {
    this.conversation = conversation;
    conversation.messages.push(this.message);
  }

  /** Whether anything has come in yet. */
  get hasBegun() {
    return this.#nPieces > 0;
  }

  stop() {
    this.#controller.abort();
  }

  /**
   * Until the answer is complete, stopped or broken; the message then says which. Never throws.
   * @param {Object} fields of the request
   */
  async run(fields) {
    const { message } = this;
    try {
      const { finishReason, usage } = await streamChat(fields, {
        signal: this.#controller.signal,
        onText: (piece) => this.#take(piece),
      });
      this.#note(usage?.completionTokens ?? this.#nPieces, finishReason);
    } catch (error) {
      if (error.name === "AbortError") this.#note(this.#nPieces, "stopped");
      else message.error = describeError(error);
    }
  }

  #take({ content, reasoning }) {
    this.#lastAt = performance.now();
    this.#firstAt ||= this.#lastAt;
    ++this.#nPieces;
    this.message.content += content;
    if (reasoning) this.message.reasoning = (this.message.reasoning ?? "") + reasoning;
    this.onGrown();
  }

  #note(nTokens, finishReason) {
    const remarks = { length: "Cut off at the limit of tokens.", stopped: "Stopped." };
    const speed = this.hasBegun ? describeSpeed({
      nTokens, startedAt: this.#startedAt, firstAt: this.#firstAt, lastAt: this.#lastAt,
    }) : "";
    this.message.note = [remarks[finishReason], speed].filter(Boolean).join(" ");
  }
}
