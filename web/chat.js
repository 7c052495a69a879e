/** The conversation that is open: sending, stopping, editing, and what the page shows of it. */
import { announce, byId, confirmLoss, element } from "./dom.js";
import { Generation, requestMessages } from "./generation.js";
import { MessageView } from "./message_view.js";
import { samplingOptions } from "./settings.js";
import { titleOf } from "./store.js";

/** @typedef {import("./store.js").Conversation} Conversation */

/** Pixels from the end within which a reader counts as following the answer. */
const FOLLOW_DISTANCE = 80;
const SAVE_INTERVAL_MS = 1000;
/** How much of an answer is read out when it is complete; the rest can be read in its place. */
const MAX_ANNOUNCED = 600;

/** Speaks the answer's end. */
function announceEnd({ content, error, note }) {
  if (error) announce(error);
  else if (note?.startsWith("Stopped")) announce("Stopped.");
  else if (content.length <= MAX_ANNOUNCED) announce(`Answer: ${content}`);
  else announce(`Answer: ${content.slice(0, MAX_ANNOUNCED)}…`);
}

export class Chat {
  #store;
  #settings;
  #onChanged;
  /** @type {Conversation} */
  #conversation;
  /** Answers that are being made, by their conversation's id. @type {Map<string, Generation>} */
  #generations = new Map();
  #messages = byId("messages");
  #scroller = byId("scroller");
  #isFollowing = true;

  /**
   * @param {{store: ConversationStore, settings: Settings, onChanged: function()}} options
   *   `onChanged`: a conversation was saved, or begins or ends answering
   */
  constructor({ store, settings, onChanged }) {
    this.#store = store;
    this.#settings = settings;
    this.#onChanged = onChanged;
    this.#scroller.addEventListener("scroll", () => this.#noteScroll());
    byId("to-latest").addEventListener("click", () => this.#follow());
    // What has come in of an answer stays when the page goes.
    window.addEventListener("pagehide", () => {
      for (const { conversation } of this.#generations.values()) this.#save(conversation);
    });
    this.open(store.list()[0] ?? store.create(settings.system));
  }

  get conversation() {
    return this.#conversation;
  }

  /** Whether the open conversation is being answered. */
  get isBusy() {
    return this.#generations.has(this.#conversation.id);
  }

  isAnswering(id) {
    return this.#generations.has(id);
  }

  /** @param {Conversation} conversation */
  open(conversation) {
    // While it is being answered, the one that grows is ours and not what was saved.
    this.#conversation = this.#generations.get(conversation.id)?.conversation ?? conversation;
    this.#draw();
    this.#follow();
    this.#onChanged();
  }

  openNew() {
    this.open(this.#store.create(this.#settings.system));
  }

  /** Removes a conversation; the open one makes room for the latest of the others. */
  remove(id) {
    this.#generations.get(id)?.stop();
    this.#generations.delete(id);
    this.#store.remove(id);
    if (id === this.#conversation.id) {
      this.open(this.#store.list()[0] ?? this.#store.create(this.#settings.system));
    } else {
      this.#onChanged();
    }
  }

  async clear() {
    const question = "Remove all messages of this conversation?";
    if (!(await confirmLoss({ question, action: "Remove" }))) return;
    this.stop();
    this.#generations.delete(this.#conversation.id);
    Object.assign(this.#conversation, { messages: [], title: "" });
    this.#save(this.#conversation);
    this.#draw();
    byId("prompt").focus();
  }

  setSystem(text) {
    this.#conversation.system = text;
    if (this.#conversation.messages.length > 0) this.#save(this.#conversation);
  }

  /** @param {string} text what the user says next */
  send(text) {
    this.#resendFrom(this.#conversation.messages.length, text);
  }

  /** Replaces the user's message `index`, and all that followed, by `text`. */
  #resendFrom(index, text) {
    if (this.isBusy) return;
    const { messages } = this.#conversation;
    messages.splice(index, messages.length, { role: "user", content: text });
    if (index === 0) this.#conversation.title = titleOf(text);
    this.#answer();
  }

  /** Answers the last message of the user again. */
  #regenerate() {
    if (this.isBusy) return;
    this.#conversation.messages.pop();
    this.#answer();
  }

  stop() {
    this.#generations.get(this.#conversation.id)?.stop();
  }

  async #answer() {
    const conversation = this.#conversation;
    const fields = {
      model: this.#settings.model || undefined,
      messages: requestMessages(conversation),
      ...samplingOptions(this.#settings.sampling),
    };
    const generation = new Generation(conversation);
    this.#generations.set(conversation.id, generation);
    conversation.updated = Date.now();
    this.#save(conversation);
    this.#draw();
    this.#follow();
    announce("The model is answering.");

    const saving = setInterval(() => this.#save(conversation), SAVE_INTERVAL_MS);
    await generation.run(fields);
    clearInterval(saving);
    this.#finish(generation);
  }

  #finish(generation) {
    const { conversation, message } = generation;
    // Else the conversation was cleared or removed meanwhile.
    if (this.#generations.get(conversation.id) !== generation) return;
    this.#generations.delete(conversation.id);
    this.#save(conversation);
    if (conversation !== this.#conversation) return;
    this.#draw();
    announceEnd(message);
  }

  #save(conversation) {
    const isKept = this.#store.save(conversation);
    byId("storage-error").hidden = isKept;
    this.#onChanged();
  }

  #draw() {
    const { messages, title } = this.#conversation;
    const focused = document.activeElement;
    byId("conversation-title").textContent = title || "New conversation";
    byId("clear").hidden = messages.length === 0;
    this.#messages.replaceChildren(...messages.map((message, index) =>
      this.#viewOf(message, index).root));
    if (messages.length === 0) {
      this.#messages.append(element("p", { class: "empty" }, "Ask the model something."));
    }
    byId("send").hidden = this.isBusy;
    byId("stop").hidden = !this.isBusy;
    // What had the focus is gone: it goes to the button that is there now.
    if (!focused?.checkVisibility()) byId(this.isBusy ? "stop" : "send").focus();
    this.#stayAtEnd();
  }

  #viewOf(message, index) {
    const view = new MessageView(message);
    const generation = this.#generations.get(this.#conversation.id);
    if (message !== generation?.message) {
      view.showComplete(this.#actions(message, index, view));
      return view;
    }
    if (!generation.hasBegun) view.showBusy();
    generation.onGrown = () => {
      view.showStreaming();
      view.grown();
      requestAnimationFrame(() => this.#stayAtEnd());
    };
    return view;
  }

  /** What can be done with a message; nothing while an answer is coming in. */
  #actions(message, index, view) {
    if (this.isBusy) return [];
    if (message.role === "user") {
      return [["Edit", () => view.edit((text) => this.#resendFrom(index, text))]];
    }
    if (index !== this.#conversation.messages.length - 1) return [];
    return [[message.error ? "Try again" : "Regenerate", () => this.#regenerate()]];
  }

  #noteScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#isFollowing = scrollHeight - scrollTop - clientHeight < FOLLOW_DISTANCE;
    byId("to-latest").hidden = this.#isFollowing;
  }

  #stayAtEnd() {
    if (this.#isFollowing) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #follow() {
    this.#isFollowing = true;
    this.#stayAtEnd();
  }
}
