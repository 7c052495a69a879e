/** Puts the page together. */
import { setApiKey } from "./api.js";
import { Chat } from "./chat.js";
import { setUpComposer } from "./composer.js";
import { drawConversations, setUpDrawer } from "./conversation_list.js";
import { Dashboard } from "./dashboard.js";
import { byId } from "./dom.js";
import { ModelPicker } from "./model_picker.js";
import { Settings } from "./settings.js";
import { setUpSettings } from "./settings_panel.js";
import { ConversationStore } from "./store.js";
import { setUpTheme } from "./theme.js";

const settings = new Settings();
setApiKey(settings.apiKey);
setUpTheme(byId("theme-toggle"));

const store = new ConversationStore();
const drawer = setUpDrawer();
const opened = () => {
  drawer.close();
  showView("chat");
  byId("prompt").focus();
};
let chat = null;
const drawList = () => {
  if (chat) drawConversations(chat, store, opened);
};
chat = new Chat({ store, settings, onChanged: drawList });
drawList();
setUpComposer(chat);
byId("clear").addEventListener("click", () => chat.clear());
byId("new-conversation").addEventListener("click", () => {
  chat.openNew();
  opened();
});
// Another tab has changed a conversation.
window.addEventListener("storage", (event) => {
  if (ConversationStore.isAbout(event)) drawList();
});

const dashboard = new Dashboard();
const models = new ModelPicker(settings);
models.load();
setUpSettings({
  settings, chat,
  onKeyChanged: () => {
    models.load();
    dashboard.retryNow();
  },
});

/** The views have an address each, so that Back and bookmarks work. */
function showView(name) {
  if (window.location.hash !== `#${name}`) window.location.hash = name;
}

function applyHash() {
  const { hash } = window.location;
  if (hash !== "" && hash !== "#chat" && hash !== "#dashboard") return;  // the skip link's
  const isDashboard = hash === "#dashboard";
  byId("chat").hidden = isDashboard;
  byId("dashboard").hidden = !isDashboard;
  const [shown, other] = isDashboard ? ["dashboard", "chat"] : ["chat", "dashboard"];
  byId(`nav-${shown}`).setAttribute("aria-current", "page");
  byId(`nav-${other}`).removeAttribute("aria-current");
  document.title = isDashboard ? "Dashboard – Slipstream" : "Slipstream";
  if (isDashboard) dashboard.start();
  else dashboard.stop();
}
window.addEventListener("hashchange", applyHash);
applyHash();
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  showView("chat");
  applyHash();
  byId("prompt").focus();
});
if (window.matchMedia("(pointer: fine)").matches && !byId("chat").hidden) byId("prompt").focus();
