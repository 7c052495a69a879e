"""Keyboard, screen readers, themes, narrow screens; axe-core's rules on every view."""
import unittest

from web_support import PageCase, expect  # first: it may start another Python

from axe_playwright_python.sync_playwright import Axe

PHONE = {"width": 360, "height": 740}
AXE = {"runOnly": {"type": "tag", "values": [
    "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
TOO_WIDE = """() => [...document.querySelectorAll("body, main > section, #scroller, dialog")]
    .filter((node) => node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.id || node.tagName)
"""
TOO_SMALL = """() => [...document.querySelectorAll("button, select, nav a, input")]
    .filter((node) => node.checkVisibility() && node.getBoundingClientRect().height < 24)
    .map((node) => node.textContent)
"""
FOCUSED = """() => {
    const node = document.activeElement;
    return node.getAttribute("aria-label") || node.labels?.[0]?.textContent.trim() ||
        node.textContent.trim();
}"""


class ViewCase(PageCase):
    def views(self, page):
        """Each view in turn, filled with everything that it can show."""
        yield "empty"
        for text in ("Show me markdown", "busy"):
            page.get_by_label("Message", exact=True).fill(text)
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
        yield "chat"
        page.get_by_role("button", name="Edit").first.click()
        yield "editing"
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Top-p").fill("7")
        yield "settings"
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Clear").click()
        yield "question"
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Dashboard").click()
        expect(page.locator(".requests tbody tr").first).to_be_visible()
        yield "dashboard"


class Rules(ViewCase):
    def check(self, page):
        for view in self.views(page):
            with self.subTest(view):
                found = Axe().run(page, options=AXE).response["violations"]
                self.assertEqual([(rule["id"], [node["html"] + node["failureSummary"]
                                                for node in rule["nodes"]]) for rule in found], [])

    def test_light(self):
        self.check(self.open(color_scheme="light"))

    def test_dark(self):
        self.check(self.open(color_scheme="dark"))

    def test_phone(self):
        self.check(self.open(viewport=PHONE, has_touch=True, is_mobile=True))


class Narrow(ViewCase):
    def test_nothing_scrolls_sideways(self):
        for width in (320, 360, 760, 800):
            page = self.open(viewport={"width": width, "height": 640})
            for view in self.views(page):
                with self.subTest(f"{view} {width}"):
                    self.assertEqual(page.evaluate(TOO_WIDE), [])

    def test_targets_are_large_enough_to_touch(self):
        page = self.open(viewport=PHONE)
        for view in self.views(page):
            self.assertEqual(page.evaluate(TOO_SMALL), [], view)

    def test_drawer(self):
        self.page = page = self.open(viewport=PHONE)
        self.ask("One")
        toggle = page.get_by_role("button", name="Conversations")
        entry = page.get_by_role("button", name="One", exact=True)
        expect(entry).to_be_hidden()
        toggle.click()
        expect(page.get_by_role("button", name="New conversation")).to_be_focused()
        expect(entry).to_be_visible()
        page.keyboard.press("Escape")
        expect(entry).to_be_hidden()
        expect(toggle).to_be_focused()
        toggle.click()
        page.get_by_role("button", name="New conversation").click()
        expect(entry).to_be_hidden()
        expect(self.prompt()).to_be_focused()


class Keyboard(PageCase):
    def go_to_top(self):
        self.page.locator("#skip").focus()

    def focused_after(self, key, times):
        names = []
        for _ in range(times):
            self.page.keyboard.press(key)
            names.append(self.page.evaluate(FOCUSED))
        return names

    def test_order_of_focus(self):
        self.ask("One")
        self.go_to_top()
        self.assertEqual(self.focused_after("Tab", 15), [
            "Chat", "Dashboard", "Use the dark theme", "Settings", "New conversation", "One",
            "Delete the conversation One", "Clear", "Copy message", "Edit", "Copy message",
            "Regenerate", "Message", "Model", "Send"])

    def test_focus_can_be_seen(self):
        self.ask("markdown")
        self.go_to_top()
        for _ in range(18):
            style = self.page.evaluate("""() => {
                const node = document.activeElement;
                const framed = node.id === "prompt" ? node.parentElement : node;
                const { outlineStyle, outlineWidth } = getComputedStyle(framed);
                return outlineStyle + " " + outlineWidth + " " + node.textContent;
            }""")
            self.assertRegex(style, r"^solid [12]px")
            self.page.keyboard.press("Tab")

    def test_skip_link(self):
        self.go_to_top()
        expect(self.page.get_by_role("link", name="Skip to the message field")).to_be_in_viewport()
        self.page.keyboard.press("Enter")
        expect(self.prompt()).to_be_focused()

    def test_a_conversation_by_keyboard_alone(self):
        keyboard = self.page.keyboard
        expect(self.prompt()).to_be_focused()
        keyboard.type("One")
        keyboard.press("Enter")
        expect(self.page.get_by_role("article").last).to_contain_text("You said: One")
        expect(self.prompt()).to_be_focused()
        while self.page.evaluate(FOCUSED) != "Edit":
            keyboard.press("Shift+Tab")
        keyboard.press("Enter")
        keyboard.type(" more")
        keyboard.press("Enter")
        expect(self.page.get_by_role("article").last).to_contain_text("You said: One more")
        while self.page.evaluate(FOCUSED) != "Settings":
            keyboard.press("Shift+Tab")
        keyboard.press("Enter")
        expect(self.page.get_by_role("dialog")).to_be_visible()
        keyboard.press("Escape")
        expect(self.page.get_by_role("button", name="Settings")).to_be_focused()

    def test_what_is_read_out(self):
        region = self.page.locator("#announcer")
        expect(region).to_have_attribute("aria-live", "polite")
        self.send("Hello")
        expect(region).to_have_text("Answer: You said: Hello")
        self.send("endless")
        expect(region).to_have_text("The model is answering.")
        self.page.keyboard.press("Escape")
        expect(region).to_have_text("Stopped.")
        self.send("busy")
        expect(region).to_contain_text("Try again in 7 seconds.")


class Theme(PageCase):
    page_options = {"color_scheme": "light"}

    def paper(self):
        return self.page.evaluate("() => getComputedStyle(document.body).backgroundColor")

    def test_follows_the_system_until_it_is_switched(self):
        light = self.paper()
        self.page.emulate_media(color_scheme="dark")
        dark = self.paper()
        self.assertNotEqual(light, dark)
        self.page.get_by_role("button", name="Use the light theme").click()
        self.assertEqual(self.paper(), light)
        self.page.reload()
        self.assertEqual(self.paper(), light)
        self.page.get_by_role("button", name="Use the dark theme").click()
        self.assertEqual(self.paper(), dark)
        self.page.emulate_media(color_scheme="light")
        # What the system has was chosen: it is followed again.
        self.assertEqual(self.paper(), light)


if __name__ == "__main__":
    unittest.main()
