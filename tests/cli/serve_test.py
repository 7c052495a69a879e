"""The server as its clients see it: plain HTTP, and the stock OpenAI client where it is installed.

scripts/test makes an environment with that client and names its Python in SLIPSTREAM_CLIENTS_PYTHON.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

CLIENTS = os.environ.pop("SLIPSTREAM_CLIENTS_PYTHON", "")
if CLIENTS:
    os.execv(CLIENTS, [CLIENTS, *sys.argv])

from cli_support import PROGRAM, CliTest, smollm2  # noqa: E402

try:
    import openai
except ImportError:
    openai = None

TIMEOUT_S = 300


class Serving:
    """A server of its own for a test class."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="slipstream-serve-")
        home = pathlib.Path(self.folder.name)
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith("SLIPSTREAM_") or k == "SLIPSTREAM_ISA"}
        environment.update(HOME=str(home), XDG_CONFIG_HOME=str(home), XDG_CACHE_HOME=str(home))
        self.log = open(home / "log", "w+")
        self.process = subprocess.Popen([PROGRAM, "serve", "--port", "0", *map(str, options)],
                                        stderr=self.log, stdout=subprocess.PIPE, env=environment)
        self.url = self.wait_for(r"listening on (\S+)")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def wait_for(self, pattern):
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := re.search(pattern, self.text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.text())
            time.sleep(0.05)
        return found[1]

    def request(self, path, body=None):
        """Status and JSON (or text) of the answer."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(self.url + path, data, timeout=TIMEOUT_S) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        return status, json.loads(text) if text[:1] in "{[" else text

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        code = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        self.log.close()
        self.folder.cleanup()
        return code


class ServeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 1024, "-c", 4096,
                             "--temp", 0)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_for("(ready): smol")

    def test_answers_equal_those_of_run(self):
        for prompt in ["What is the capital of France?", "Count from one to ten."]:
            done = subprocess.run(
                [PROGRAM, "run", "-m", smollm2(), "-c", "1024", "-p", prompt, "-n", "32", "--temp",
                 "0", "--json", "--no-pack-cache"],
                capture_output=True, check=True, timeout=TIMEOUT_S)
            expected = json.loads(done.stdout)
            _, answer = self.server.request("/v1/chat/completions", {
                "messages": [{"role": "user", "content": prompt}], "max_tokens": 32})
            self.assertEqual(answer["choices"][0]["message"]["content"], expected["text"])
            self.assertEqual(answer["usage"]["completion_tokens"],
                             expected["usage"]["completion_tokens"])
            self.assertEqual(answer["usage"]["prompt_tokens"], expected["usage"]["prompt_tokens"])

    def test_too_long_a_prompt_is_refused(self):
        status, answer = self.server.request("/v1/completions", {"prompt": "word " * 2000})
        self.assertEqual(status, 400)
        self.assertEqual(answer["error"]["type"], "exceed_context_size_error")
        self.assertEqual(answer["error"]["n_ctx"], 1024)

    def test_a_second_request_finds_its_prompt_in_the_cache(self):
        body = {"prompt": "The history of the steam engine. " * 20, "max_tokens": 1}
        self.server.request("/v1/completions", body)
        _, answer = self.server.request("/v1/completions", body)
        self.assertGreater(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 64)

    def test_lm_eval_scores_prompts(self):
        """The shape that lm-eval's local-completions relies on."""
        _, tokens = self.server.request("/tokenize", {"prompt": "Paris is the capital of France",
                                                      "add_special_tokens": False})
        _, answer = self.server.request("/v1/completions", {
            "prompt": [tokens["tokens"]], "max_tokens": 1, "logprobs": 1, "echo": True,
            "temperature": 0, "seed": 1234})
        logprobs = answer["choices"][0]["logprobs"]
        self.assertEqual(len(logprobs["token_logprobs"]), tokens["count"] + 1)
        for value, top in zip(logprobs["token_logprobs"][1:], logprobs["top_logprobs"][1:]):
            self.assertLessEqual(value, max(top.values()))

    def test_metrics_and_description(self):
        self.server.request("/v1/completions", {"prompt": "a", "max_tokens": 2})
        status, text = self.server.request("/metrics")
        self.assertEqual(status, 200)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) .*|[a-z0-9_]+(\{.*\})? [-+0-9.einfa]+)$')
        self.assertEqual(self.server.request("/openapi.json")[1]["openapi"], "3.1.0")


@unittest.skipIf(openai is None, "the openai package is not installed (scripts/test does it)")
class OpenAiClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 1024, "-c", 4096,
                             "--api-key", "secret")
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_for("(ready): smol")
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key="secret",
                                   max_retries=0, timeout=TIMEOUT_S)

    def chat(self, **options):
        return self.client.chat.completions.create(
            model="smol", messages=[{"role": "user", "content": "What is the capital of France?"}],
            temperature=0, max_tokens=24, **options)

    def test_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["smol"])
        self.assertEqual(self.client.models.retrieve("smol").id, "smol")

    def test_chat_and_stream_agree(self):
        whole = self.chat()
        self.assertIn("Paris", whole.choices[0].message.content)
        text, usage = "", None
        for chunk in self.chat(stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(usage.completion_tokens, whole.usage.completion_tokens)

    def test_choices_and_stop(self):
        answer = self.client.chat.completions.create(
            model="smol", messages=[{"role": "user", "content": "Name a colour."}], n=3,
            temperature=1, seed=5, max_tokens=12, stop=["."])
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        for choice in answer.choices:
            self.assertNotIn(".", choice.message.content)

    def test_logprobs(self):
        answer = self.chat(logprobs=True, top_logprobs=3)
        content = answer.choices[0].logprobs.content
        self.assertEqual(len(content), answer.usage.completion_tokens)
        for token in content:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.top_logprobs[0].token, token.token)  # greedy

    def test_completion(self):
        answer = self.client.completions.create(model="smol", prompt=["One, two, three,", "A, B, C,"],
                                                temperature=0, max_tokens=6)
        self.assertIn("four", answer.choices[0].text)
        self.assertIn("D", answer.choices[1].text)

    def test_embeddings(self):
        texts = ["A cat sat on the mat.", "A kitten lay on the rug.", "Interest rates rose again."]
        vectors = [item.embedding for item in
                   self.client.embeddings.create(model="smol", input=texts).data]
        self.assertAlmostEqual(sum(x * x for x in vectors[0]), 1, places=4)
        self.assertEqual(len(vectors), 3)

    def test_errors(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.completions.create(model="gpt-9", prompt="x")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(extra_body={"top_p": 7})
        self.assertEqual(caught.exception.param, "top_p")
        with self.assertRaises(openai.AuthenticationError):
            self.client.with_options(api_key="wrong").models.list()


class EndingTest(CliTest):
    def test_sigterm_lets_an_answer_end(self):
        server = Serving("-m", smollm2(), "--max-model-len", 1024)
        server.wait_for("(ready):")
        request = urllib.request.Request(server.url + "/v1/completions", json.dumps(
            {"prompt": "Once", "max_tokens": 60, "ignore_eos": True, "stream": True}).encode())
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            answer.readline()
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(answer.read().decode().endswith("data: [DONE]\n\n"))
        self.assertEqual(server.wait(), 0)

    def test_a_taken_port_is_an_error(self):
        server = Serving("-m", smollm2(), "--max-model-len", 256)
        port = server.url.rpartition(":")[2]
        self.assert_fails(1, port, "serve", "-m", smollm2(), "--port", port)
        server.wait_for("(ready):")
        server.stop()

    def test_options_are_checked(self):
        self.assert_fails(2, "--ssl-key-file", "serve", "-m", smollm2(), "--ssl-cert-file", "x")
        self.assert_fails(2, "-md", "serve", "-m", smollm2(), "-md", smollm2())
        self.assert_fails(2, "--spec-type", "serve", "-m", smollm2(), "--spec-type", "draft")


if __name__ == "__main__":
    unittest.main()
