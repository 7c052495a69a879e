"""The page on the server that it is made for, with a small real model."""
import json
import pathlib
import re
import sys
import threading
import unittest
import urllib.request

from web_support import Browser, expect  # first: it may start another Python

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cli_support import smollm2  # noqa: E402
from serving import Serving  # noqa: E402

KEY = "sesame"
STORY = "Write a very long story about a lighthouse keeper and the sea."
N_CTX = 1024


class Served(unittest.TestCase):
    """One server; a page of its own for each test, which has the key."""

    @classmethod
    def setUpClass(cls):
        cls.server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", N_CTX, "-c", 8192,
                             "--temp", 0, "--api-key", KEY)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_for("(ready): smol")
        cls.browser = Browser().__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    def setUp(self):
        self.page = self.browser.page(self.server.url + "/")
        self.addCleanup(self.check_and_close)
        expect(self.page.get_by_role("alert")).to_have_text(
            "The server asks for an API key. Enter it in Settings.")
        self.button("Settings").click()
        self.page.get_by_label("API key").fill(KEY)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_label("Model")).to_have_value("smol")

    def check_and_close(self):
        problems, foreign = self.page.problems, self.page.foreign
        self.page.context.close()
        self.assertEqual((problems, foreign), ([], []))

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def send(self, text):
        prompt = self.page.get_by_role("textbox", name="Message", exact=True)
        prompt.fill(text)
        prompt.press("Enter")
        return self.page.get_by_role("article").last

    def keep_busy(self):
        """Somebody else's requests, one after the other, until the test ends."""
        body = json.dumps({"prompt": "Once upon a time", "max_tokens": N_CTX - 100,
                           "ignore_eos": True}).encode()
        request = urllib.request.Request(self.server.url + "/v1/completions", body,
                                         {"Authorization": f"Bearer {KEY}"})
        ended = threading.Event()

        def complete():
            while not ended.is_set():
                urllib.request.urlopen(request, timeout=300).close()

        others = threading.Thread(target=complete)
        others.start()
        self.addCleanup(others.join)
        self.addCleanup(ended.set)

    def open_dashboard(self):
        self.page.get_by_role("link", name="Dashboard").click()
        expect(self.page.locator("#connection")).to_have_text("Live, updated every second.")

    def panel(self, title):
        return self.page.locator(".panel", has=self.page.get_by_role("heading", name=title))

    def test_answers_a_conversation(self):
        answer = self.send("What is the capital of France?")
        expect(answer).to_contain_text("Paris")
        expect(answer).to_contain_text(
            re.compile(r"\d+ tokens, [\d.]+ tokens/s, first token after"))
        expect(self.button("Send")).to_be_visible()
        self.send("And of Italy?")
        expect(self.page.get_by_role("article")).to_have_count(4)
        expect(self.page.get_by_role("article").last).to_contain_text("Rome")

    def test_streams_and_stops(self):
        answer = self.send(STORY)
        text = answer.locator(".text")
        expect(text).to_have_text(re.compile(r"\w+ \w+"))
        expect(self.button("Stop")).to_be_visible()
        before = text.inner_text()
        self.page.wait_for_function("([node, n]) => node.textContent.length > n + 20",
                                    arg=[text.element_handle(), len(before)])
        self.page.keyboard.press("Escape")
        expect(answer).to_contain_text("Stopped.")
        self.open_dashboard()  # and the server works for nobody any more
        expect(self.panel("Requests")).to_have_text(re.compile(r"running0.*queued0"))

    def test_dashboard_has_figures_and_timelines(self):
        self.send("Name three rivers.")
        expect(self.button("Send")).to_be_visible()
        self.open_dashboard()
        self.keep_busy()
        number = r"[\d.,]+"
        for title, pattern in (
                ("Requests", r"running1.*queued0"),
                ("Time to first token", rf"median{number} m?s.*95 %{number} m?s"),
                ("Inter-token latency", rf"median{number} ms.*95 %{number} ms"),
                ("Tokens per second", rf"generated{number}.*prompt{number}"),
                ("KV cache", rf"in use{number} %.*{number} of 256 pages, {number} MiB of "
                             rf"{number} MiB"),
                ("Pre-emptions", rf"since the server started0.*{number} MiB of memory")):
            expect(self.panel(title)).to_have_text(re.compile(pattern))
        rows = self.page.locator(".requests tbody tr")
        self.assertGreaterEqual(rows.count(), 2)
        names = [row.locator("th").inner_text() for row in rows.all()]
        self.assertEqual(len(set(names)), len(names))  # what is left of an id tells them apart
        self.assertEqual(set(rows.last.locator("rect").evaluate_all(
            "(all) => all.map((one) => one.classList[0])")), {"queued", "prefill", "decode"})

    def test_says_why_a_conversation_is_too_long(self):
        answer = self.send("word " * 2 * N_CTX)
        expect(answer.locator(".error")).to_have_text(re.compile(
            rf"The conversation is too long: it has \d+ tokens, and the model reads at most {N_CTX}"))


if __name__ == "__main__":
    unittest.main()
