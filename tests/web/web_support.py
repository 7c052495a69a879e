"""What the browser tests share: a headless Chromium, and a page on a server of their own.

scripts/test installs both, and names the Python that has Playwright in SLIPSTREAM_WEB_PYTHON.
Without them a test is skipped.
"""
import importlib.util
import os
import pathlib
import sys
import unittest

PYTHON = os.environ.pop("SLIPSTREAM_WEB_PYTHON", "")
if PYTHON:
    os.execv(PYTHON, [PYTHON, *sys.argv])

CHROMIUM = "/usr/bin/chromium"
SKIPPED = 77  # what CTest takes for it
if importlib.util.find_spec("playwright") is None or not pathlib.Path(CHROMIUM).exists():
    print("skipped: Playwright or Chromium is not installed (scripts/test does it)")
    sys.exit(SKIPPED)

from playwright.sync_api import expect, sync_playwright  # noqa: E402

from fake_server import FakeServer  # noqa: E402

PATIENCE_MS = 30_000  # with a page on a busy machine

expect.set_options(timeout=PATIENCE_MS)


class Browser:
    """One Chromium; each page has a storage of its own."""

    def __enter__(self):
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        return self

    def __exit__(self, *_):
        self.browser.close()
        self.playwright.stop()

    def page(self, url, **options):
        """A page at `url`; what it reports as errors collects in its `problems`."""
        context = self.browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: page.problems.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text
                else None)
        page.foreign = []
        page.on("request", lambda request: page.foreign.append(request.url)
                if not request.url.startswith((url, "data:", "blob:")) else None)
        page.goto(url)
        return page


class PageCase(unittest.TestCase):
    """A new server and page for each test. The page must not report errors or ask elsewhere."""
    make_server = FakeServer  # has a url, start() and stop()
    page_options = {}

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser().__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    def setUp(self):
        self.server = self.make_server().start()
        self.addCleanup(self.server.stop)
        self.page = self.open(**self.page_options)

    def open(self, **options):
        page = self.browser.page(self.server.url, **options)
        self.addCleanup(self.check_and_close, page)
        expect(page.get_by_label("Model")).to_be_enabled()  # its list has come
        return page

    def check_and_close(self, page):
        problems, foreign = page.problems, page.foreign
        page.context.close()
        self.assertEqual(problems, [])
        self.assertEqual(foreign, [])

    def prompt(self):
        return self.page.get_by_role("textbox", name="Message", exact=True)

    def send(self, text):
        self.prompt().fill(text)
        self.prompt().press("Enter")

    def ask(self, text):
        """Sends and waits until the answer is complete; gives its article."""
        self.send(text)
        expect(self.page.get_by_role("button", name="Send", exact=True)).to_be_visible()
        return self.page.get_by_role("article").last

    def n_requests(self):
        return len(self.server.state.requests)
