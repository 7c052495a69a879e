"""The chat as a user has it: send, stop, edit, regenerate, keep, and what is said of failures."""
import re
import time
import unittest

from web_support import PageCase, expect


class Chat(PageCase):
    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def last_request(self):
        return self.server.state.requests[-1]

    def set_control(self, label, text):
        self.button("Settings").click()
        self.page.get_by_label(label, exact=True).fill(text)
        self.button("Close").click()

    def test_sends_and_streams(self):
        self.server.state.delay_s = 0.3
        self.send("Hello there, this is a message of some length")
        answer = self.page.get_by_role("article").last
        expect(answer).to_contain_text("You said: Hello")
        # Not complete yet: it comes in pieces.
        self.assertNotIn("some length", answer.inner_text())
        expect(self.button("Stop")).to_be_visible()
        expect(answer).to_contain_text("some length")
        expect(answer).to_contain_text(
            re.compile(r"\d+ tokens, [\d.]+ tokens/s, first token after"))
        expect(self.button("Send")).to_be_visible()
        said = [{"role": "user", "content": "Hello there, this is a message of some length"}]
        self.assertEqual(self.last_request(), {
            "model": "tiny-instruct", "messages": said, "stream": True,
            "stream_options": {"include_usage": True}})

    def test_the_whole_conversation_is_sent(self):
        self.set_control("System prompt", "Be brief.")
        self.ask("One")
        self.ask("Two")
        self.assertEqual([(m["role"], m["content"]) for m in self.last_request()["messages"]],
                         [("system", "Be brief."), ("user", "One"),
                          ("assistant", "You said: One"), ("user", "Two")])

    def test_shift_enter_begins_a_line_and_nothing_sends_nothing(self):
        self.prompt().press("Enter")
        self.prompt().fill("  ")
        self.prompt().press("Enter")
        self.prompt().fill("a")
        self.prompt().press("Shift+Enter")
        self.prompt().press_sequentially("b")
        self.assertEqual(self.n_requests(), 0)
        self.prompt().press("Enter")
        expect(self.page.get_by_role("article").last).to_contain_text("You said: a")
        self.assertEqual(self.last_request()["messages"][0]["content"], "a\nb")

    def test_stop_by_button_and_by_escape(self):
        for n_stopped, stop in enumerate((lambda: self.button("Stop").click(),
                                          lambda: self.page.keyboard.press("Escape")), 1):
            self.send("endless")
            answer = self.page.get_by_role("article").last
            expect(answer).to_contain_text("word word")
            stop()
            expect(answer).to_contain_text("Stopped. ")
            expect(self.prompt()).to_be_focused()
            deadline = time.monotonic() + 5
            while self.server.state.n_stopped < n_stopped and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertEqual(self.server.state.n_stopped, n_stopped)  # the server was told
        self.assertIn("word", self.last_request()["messages"][1]["content"])

    def test_regenerate_replaces_the_last_answer(self):
        self.ask("One")
        self.button("Regenerate").click()
        expect(self.page.get_by_role("article")).to_have_count(2)
        expect(self.button("Regenerate")).to_be_visible()
        expect(self.button("Send")).to_be_focused()
        self.assertEqual(self.n_requests(), 2)
        self.assertEqual(len(self.last_request()["messages"]), 1)

    def test_edit_and_resend_drops_what_followed(self):
        self.ask("One")
        self.ask("Two")
        self.button("Edit").first.click()
        field = self.page.get_by_label("Edit the message")
        expect(field).to_be_focused()
        field.press("Escape")
        expect(self.page.get_by_role("article")).to_have_count(4)
        self.button("Edit").first.click()
        field.fill("Three")
        self.button("Send again").click()
        expect(self.page.get_by_role("article")).to_have_count(2)
        expect(self.page.get_by_role("article").last).to_contain_text("You said: Three")
        self.assertEqual(len(self.last_request()["messages"]), 1)
        expect(self.page.get_by_role("heading", level=2, name="Three")).to_be_visible()

    def test_clear_asks_first(self):
        self.ask("One")
        self.button("Clear").click()
        self.button("Keep").click()
        expect(self.page.get_by_role("article")).to_have_count(2)
        self.button("Clear").click()
        self.button("Remove").click()
        expect(self.page.get_by_role("article")).to_have_count(0)
        expect(self.prompt()).to_be_focused()

    def test_conversations_are_kept(self):
        self.ask("One")
        self.button("New conversation").click()
        self.ask("Two")
        self.page.reload()
        expect(self.page.get_by_role("article").first).to_contain_text("Two")
        self.button("One").click()
        expect(self.page.get_by_role("article").last).to_contain_text("You said: One")
        self.button("Delete the conversation One").click()
        self.button("Delete").click()
        expect(self.button("One")).to_have_count(0)
        expect(self.page.get_by_role("article").first).to_contain_text("Two")

    def test_an_answer_goes_on_while_another_conversation_is_open(self):
        self.send("endless")
        expect(self.page.get_by_role("article").last).to_contain_text("word")
        self.button("New conversation").click()
        expect(self.page.get_by_role("article")).to_have_count(0)
        expect(self.button("Send")).to_be_visible()
        self.page.get_by_role("button", name="endless answering").click()
        length = len(self.page.get_by_role("article").last.inner_text())
        expect(self.page.get_by_role("article").last).to_have_text(re.compile(f".{{{length},}}"))
        self.button("Stop").click()
        expect(self.button("Regenerate")).to_be_visible()
        expect(self.button("endless")).to_be_visible()  # and is answering no more

    def test_unreadable_storage_is_passed_over(self):
        self.page.evaluate("""() => {
            localStorage.setItem("slipstream.conversation.x", "{");
            localStorage.setItem("slipstream.conversation.y", '{"id":"y","messages":[{"role":1}]}');
            localStorage.setItem("slipstream.settings", '[1]');
        }""")
        self.page.reload()
        self.assertIn("You said", self.ask("One").inner_text())

    def test_full_storage_is_told(self):
        self.page.evaluate("""() => {
            Storage.prototype.setItem = () => { throw new Error("full"); };
        }""")
        self.ask("One")
        expect(self.page.get_by_role("alert")).to_contain_text("storage is full")

    def test_sampling_controls(self):
        self.button("Settings").click()
        for label, text in (("Temperature", "0.7"), ("Top-p", "0.9"), ("Top-k", "40"),
                            ("Min-p", "0.05"), ("Max tokens", "64"), ("Seed", "7"),
                            ("Stop strings", "END\n\\n\\n")):
            self.page.get_by_label(label, exact=True).fill(text)
        self.page.keyboard.press("Escape")
        self.page.reload()
        self.ask("One")
        expected = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "max_tokens": 64,
                    "seed": 7, "stop": ["END", "\n\n"]}
        self.assertEqual({name: self.last_request().get(name) for name in expected}, expected)

    def test_control_out_of_range_is_told_and_not_sent(self):
        self.button("Settings").click()
        for label, text, problem in (("Top-p", "1.5", "Top-p must be from 0 to 1."),
                                     ("Top-k", "1.5", "Top-k must be a whole number."),
                                     ("Seed", "x", "Seed must be a number.")):
            control = self.page.get_by_label(label, exact=True)
            control.fill(text)
            expect(self.page.get_by_text(problem)).to_be_visible()
            expect(control).to_have_attribute("aria-invalid", "true")
        self.page.keyboard.press("Escape")
        self.ask("One")
        self.assertEqual({"top_p", "top_k", "seed"} & set(self.last_request()), set())

    def test_model_is_chosen_and_kept(self):
        self.page.get_by_label("Model").select_option("tiny-coder")
        self.page.reload()
        expect(self.page.get_by_label("Model")).to_have_value("tiny-coder")
        self.ask("One")
        self.assertEqual(self.last_request()["model"], "tiny-coder")

    def test_reasoning_is_folded(self):
        answer = self.ask("think first")
        expect(answer.get_by_text("Let me see.")).to_be_hidden()
        answer.get_by_text("Reasoning").click()
        expect(answer.get_by_text("Let me see.")).to_be_visible()
        answer = self.ask("tagged")
        expect(answer.get_by_text("Hm, let me see.", exact=True)).to_be_hidden()
        expect(answer.locator(".text")).to_have_text("Done.")

    def test_copy(self):
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.ask("markdown")
        self.button("Copy code").click()
        expect(self.page.get_by_text("Copied").first).to_be_visible()
        code = self.page.evaluate("() => navigator.clipboard.readText()")
        self.assertTrue(code.startswith("def decode(session, token):\n    while"), code)


class Failures(PageCase):
    def expect_error(self, message, sentence):
        self.send(message)
        answer = self.page.get_by_role("article").last
        expect(answer.locator(".error")).to_have_text(sentence)
        expect(self.page.get_by_role("button", name="Try again", exact=True)).to_be_visible()
        return answer

    def test_sentences(self):
        for message, sentence in (
                ("busy", "The server has as many requests as it takes. Try again in 7 seconds."),
                ("loading", "The server is not ready. Loading model. Try again in a moment."),
                ("overlong", "The conversation is too long: it has 9000 tokens, and the model "
                             "reads at most 4096. Shorten or clear it, or begin a new one."),
                ("broken", "The server has failed: a page is missing.")):
            with self.subTest(message):
                self.expect_error(message, sentence)

    def test_an_answer_that_failed_is_none(self):
        self.expect_error("busy", "The server has as many requests as it takes. Try again in 7 "
                                  "seconds.")
        del self.server.state.requests[:]
        self.assertIn("You said", self.ask("One").inner_text())
        self.assertEqual(self.server.state.requests[0]["messages"],
                         [{"role": "user", "content": "busy\n\nOne"}])

    def test_what_came_in_before_the_connection_broke_stays(self):
        # A browser drops what it hasn't handed on yet.
        self.server.state.delay_s = 0.1
        answer = self.expect_error("cut it",
                                   "The connection ended before the answer was complete.")
        expect(answer).to_contain_text("You said:")
        self.expect_error("fails late", "The server has failed: the engine stopped.")

    def test_limit_of_tokens_is_told(self):
        expect(self.ask("at length")).to_contain_text("Cut off at the limit of tokens.")

    def test_network_down_and_try_again(self):
        port = self.server.server_address[1]
        expect(self.page.get_by_label("Model")).to_have_value("tiny-instruct")
        self.server.stop()
        self.expect_error("Hello", "The server cannot be reached. Check that it is running, and "
                                   "the network.")
        self.server = type(self.server)(port).start()
        self.page.get_by_role("button", name="Try again", exact=True).click()
        expect(self.page.get_by_role("article").last).to_contain_text("You said: Hello")

    def test_api_key(self):
        self.server.state.api_key = "sesame"
        self.page.reload()
        expect(self.page.get_by_role("alert")).to_have_text(
            "The server asks for an API key. Enter it in Settings.")
        for key, sentence in (("wrong", "The server does not accept this API key. Check it in "
                                        "Settings."), ("sesame", None)):
            self.page.get_by_role("button", name="Settings").click()
            self.page.get_by_label("API key").fill(key)
            self.page.keyboard.press("Enter")
            if sentence:
                expect(self.page.get_by_role("alert")).to_have_text(sentence)
        expect(self.page.get_by_role("alert")).to_be_hidden()
        self.assertIn("You said: One", self.ask("One").inner_text())
        # It is gone with the tab.
        self.assertIsNone(self.page.evaluate("() => localStorage.getItem('slipstream.api-key')"))

    def test_model_list_is_tried_again(self):
        self.page.route("**/v1/models", lambda route: route.abort())
        self.page.reload()
        expect(self.page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        self.page.unroute("**/v1/models")
        expect(self.page.get_by_label("Model")).to_have_value("tiny-instruct")
        expect(self.page.get_by_role("alert")).to_be_hidden()


if __name__ == "__main__":
    unittest.main()
