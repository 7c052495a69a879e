/** One message of a conversation, as the page shows it. */
import { copyButton } from "./clipboard.js";
import { element, textButton } from "./dom.js";
import { MarkdownView } from "./markdown.js";

const AUTHORS = { user: "You", assistant: "Assistant" };

/** @typedef {import("./store.js").Message} Message */

/** What a model thought before it answered; the server has told it apart, or left it in tags. */
function splitThought({ content, reasoning = "" }) {
  const [, tagged = "", answer] = /^\s*<think>([^]*?)(?:<\/think>([^]*)|$)/.exec(content) ??
    [content, "", content];
  return { thought: (reasoning + tagged).trim(), answer: answer ?? "" };
}

export class MessageView {
  #message;
  #body = element("div", { class: "text" });
  #foot = element("div", { class: "message-foot" });
  #markdown = new MarkdownView(this.#body);
  #thought = null;
  #frame = 0;
  /** @type {HTMLElement} */
  root;

  /** @param {Message} message */
  constructor(message) {
    this.#message = message;
    this.root = element("article", { class: `message ${message.role}` },
      element("h3", { class: "author" }, AUTHORS[message.role]), this.#body, this.#foot);
    this.#draw();
  }

  /** The message has grown: draws it with the next frame. */
  grown() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const { role, content } = this.#message;
    if (role === "user") {
      this.#body.replaceChildren(element("p", { class: "as-typed" }, content));
      return;
    }
    const { thought, answer } = splitThought(this.#message);
    if (thought) this.#showThought(thought);
    this.#markdown.show(answer);
  }

  #showThought(thought) {
    if (!this.#thought) {
      this.#thought = element("div", { class: "as-typed" });
      this.#body.before(element("details", { class: "thought" },
        element("summary", {}, "Reasoning"), this.#thought));
    }
    this.#thought.textContent = thought;
  }

  /** While the answer is coming in. */
  showBusy() {
    this.root.setAttribute("aria-busy", "true");
    this.#foot.replaceChildren(
      element("span", { class: "waiting" }, "Waiting for the first token"));
  }

  /** The first token is there. */
  showStreaming() {
    this.#foot.replaceChildren();
  }

  /**
   * It is complete: shows its note or error, and what can be done with it.
   * @param {Array<[string, function()]>} actions labels, and what they do
   */
  showComplete(actions) {
    cancelAnimationFrame(this.#frame);
    this.#draw();
    this.root.removeAttribute("aria-busy");
    const { content, error, note } = this.#message;
    const copy = content ? copyButton(() => this.#message.content, "Copy message") : null;
    this.#foot.replaceChildren(...[
      error ? element("p", { class: "error" }, error) : null,
      element("div", { class: "actions" }, copy,
        ...actions.map(([label, act]) => textButton(label, act)),
        note ? element("span", { class: "note" }, note) : null),
    ].filter(Boolean));
  }

  /**
   * Shows the text in a field in its place. `send` gets the new text.
   * @param {function(string)} send
   */
  edit(send) {
    const field = element("textarea", { rows: "3", "aria-label": "Edit the message" });
    field.value = this.#message.content;
    const end = () => {
      form.replaceWith(this.#body);
      this.#foot.hidden = false;
    };
    const submit = () => {
      if (field.value.trim() !== "") send(field.value);
    };
    const form = element("form", {
      class: "edit",
      submit: (event) => {
        event.preventDefault();
        submit();
      },
      keydown: (event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          end();
          this.#foot.querySelector("button")?.focus();
        } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing &&
                   event.target === field) {
          event.preventDefault();
          submit();
        }
      },
    }, field, element("div", { class: "buttons" },
      textButton("Cancel", end, { class: "outlined" }),
      element("button", { type: "submit", class: "primary" }, "Send again")));
    this.#body.replaceWith(form);
    this.#foot.hidden = true;
    field.style.height = `${Math.min(field.scrollHeight + 2, 400)}px`;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }
}
