/** Conversations, kept in the browser. */

/**
 * @typedef {Object} Message
 * @property {"user"|"assistant"} role
 * @property {string} content
 * @property {string} [reasoning] what the model thought before it answered
 * @property {string} [error] a sentence that says why the answer is incomplete
 * @property {string} [note] numbers and remarks about the answer
 *
 * @typedef {Object} Conversation
 * @property {string} id
 * @property {string} title
 * @property {number} updated milliseconds since 1970
 * @property {string} system the system prompt; empty: none
 * @property {Message[]} messages
 */

const PREFIX = "slipstream.conversation.";
const MAX_TITLE = 60;

/** The first line of a text, short enough for a list. */
export function titleOf(text) {
  const line = text.trim().split("\n")[0].trim();
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE - 1).trimEnd()}…` : line;
}

function isConversation(value) {
  return typeof value === "object" && value !== null && typeof value.id === "string" &&
    Array.isArray(value.messages) && value.messages.every((message) =>
    ["user", "assistant"].includes(message?.role) && typeof message.content === "string");
}

/** localStorage; null where the browser has it switched off. */
function findStorage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

/** One key of localStorage a conversation, so that saving one costs no more than its own size. */
export class ConversationStore {
  #storage = findStorage();

  /** All that are readable, the latest first. @returns {Conversation[]} */
  list() {
    const found = [];
    for (const key of Object.keys(this.#storage ?? {})) {
      const conversation = key.startsWith(PREFIX) ? this.#read(key) : null;
      if (conversation) found.push(conversation);
    }
    return found.sort((a, b) => b.updated - a.updated);
  }

  #read(key) {
    try {
      const value = JSON.parse(this.#storage.getItem(key));
      return isConversation(value) ? value : null;
    } catch {
      return null;
    }
  }

  /** A new one, which is kept once it is saved. @returns {Conversation} */
  create(system = "") {
    // crypto.randomUUID is only there over HTTPS and on localhost.
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
    return { id, title: "", updated: Date.now(), system, messages: [] };
  }

  /** Whether it could be kept: not when the browser's storage is full or switched off. */
  save(conversation) {
    try {
      this.#storage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
      return true;
    } catch {
      return false;
    }
  }

  remove(id) {
    this.#storage?.removeItem(PREFIX + id);
  }

  /** Whether a storage event is about a conversation. */
  static isAbout(event) {
    return event.key === null || event.key.startsWith(PREFIX);
  }
}
