/** The list of conversations, and on narrow screens the drawer that it is in. */
import { byId, confirmLoss, element, textButton } from "./dom.js";

function entry(conversation, chat, onOpened) {
  const isOpen = conversation.id === chat.conversation.id;
  const title = conversation.title || "New conversation";
  const remove = async () => {
    const question = `Delete the conversation “${title}”?`;
    if (await confirmLoss({ question, action: "Delete" })) {
      chat.remove(conversation.id);
      byId("new-conversation").focus();
    }
  };
  return element("li", { class: isOpen ? "open" : null },
    element("button", {
      type: "button", class: "entry", "aria-current": isOpen ? "true" : null,
      click: () => {
        chat.open(conversation);
        onOpened();
      },
    }, element("span", {}, title),
    chat.isAnswering(conversation.id) ? element("small", {}, "answering") : null),
    textButton("Delete", remove, { "aria-label": `Delete the conversation ${title}` }));
}

/** Draws the list anew, unless it shows the same already: it keeps the focus then. */
export function drawConversations(chat, store, onOpened) {
  const list = byId("conversations");
  const conversations = store.list();
  const shown = JSON.stringify([chat.conversation.id,
    conversations.map(({ id, title }) => [id, title, chat.isAnswering(id)])]);
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  const hadFocus = list.contains(document.activeElement);
  list.replaceChildren(...conversations.map((one) => entry(one, chat, onOpened)));
  if (hadFocus) list.querySelector("[aria-current]")?.focus();
}

/** The drawer: closed by Escape, by a click beside it, and when a conversation is opened. */
export function setUpDrawer() {
  const toggle = byId("sidebar-toggle");
  const sidebar = byId("sidebar");
  const isOpen = () => toggle.getAttribute("aria-expanded") === "true";
  const set = (open) => {
    toggle.setAttribute("aria-expanded", String(open));
    sidebar.classList.toggle("drawn", open);
  };
  toggle.addEventListener("click", () => {
    set(!isOpen());
    if (isOpen()) byId("new-conversation").focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (isOpen() && !sidebar.contains(event.target) && !toggle.contains(event.target) &&
        !event.target.closest("dialog")) set(false);
  });
  sidebar.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen()) return;
    event.stopPropagation();
    set(false);
    toggle.focus();
  });
  return { close: () => set(false) };
}
