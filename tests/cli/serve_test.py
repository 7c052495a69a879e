"""The server as its clients see it: plain HTTP, and the stock OpenAI client where it is installed."""
import http.client
import json
import signal
import socket
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import clients  # noqa: F401
from cli_support import PROGRAM, CliTest, smollm2
from serving import TIMEOUT_S, Serving

try:
    import openai
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    openai = None


class ServeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 1024, "-c", 4096,
                             "--temp", 0)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_for("(ready): smol")

    def test_what_can_never_be_queued_is_refused_for_good(self):
        status, answer = self.server.request("/v1/completions", {"prompt": ["a"] * 1500})
        self.assertEqual(status, 400)
        self.assertIn("expected at most 1024 choices of all prompts", answer["error"]["message"])

    def test_priorities(self):
        body = {"prompt": "a", "max_tokens": 1, "priority": -3}
        self.assertEqual(self.server.request("/v1/completions", body)[0], 200)
        status, answer = self.server.request("/v1/completions", {**body, "priority": 1001})
        self.assertEqual((status, answer["error"]["param"]), (400, "priority"))

    def test_a_schema_that_is_not_supported_is_the_clients_fault(self):
        schema = {"type": "array", "uniqueItems": True}
        status, answer = self.server.request("/v1/chat/completions", {
            "messages": [{"role": "user", "content": "a"}], "response_format": {
                "type": "json_schema", "json_schema": {"name": "a", "schema": schema}}})
        self.assertEqual((status, answer["error"]["code"]), (400, "unsupported_value"))

    def test_pages_of_other_origins_do_not_unload_the_model(self):
        request = urllib.request.Request(self.server.url + "/v2/repository/models/smol/unload", b"",
                                         {"Origin": "http://other.example"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=TIMEOUT_S)
        self.assertEqual(refused.exception.code, 403)
        refused.exception.close()
        self.assertEqual(self.server.request("/ready")[0], 200)

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


    def test_the_page_is_there(self):
        with urllib.request.urlopen(self.server.url, timeout=TIMEOUT_S) as answer:
            self.assertIn(b"<title>", answer.read())
            etag = answer.headers["ETag"]
        again = urllib.request.Request(self.server.url, headers={"If-None-Match": etag})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(again, timeout=TIMEOUT_S)
        with caught.exception:
            self.assertEqual(caught.exception.code, 304)

    def test_a_trace_has_the_last_requests(self):
        _, answer = self.server.request("/v1/completions", {"prompt": "Once", "max_tokens": 3})
        request_id = answer["id"].partition("-")[2]
        _, trace = self.server.request("/debug/trace")
        names = [event["name"] for event in trace["traceEvents"]
                 if event["args"].get("request_id") == request_id]
        self.assertEqual(names, ["request", "queued", "prefill", "decode"])


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


@unittest.skipIf(openai is None, "prometheus_client is not installed (scripts/test does it)")
class PrometheusTest(unittest.TestCase):
    """What Prometheus makes of /metrics, by the parser of its own client."""

    @classmethod
    def setUpClass(cls):
        server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 1024, "-c", 4096)
        cls.addClassCleanup(server.stop)
        server.wait_for("(ready): smol")
        for n_tokens in (1, 5, 12):
            server.request("/v1/completions", {"prompt": "a b c", "max_tokens": n_tokens,
                                               "ignore_eos": True})
        deadline = time.monotonic() + TIMEOUT_S
        while True:  # an answer is out before the step that it ends is counted
            text = server.request("/metrics")[1]
            cls.families = list(text_string_to_metric_families(text))
            is_idle = 'num_requests_running{model_name="smol"} 0\n' in text
            if is_idle or time.monotonic() > deadline:
                break

    def value(self, name, **labels):
        found = [sample.value for family in self.families for sample in family.samples
                 if sample.name == name and labels.items() <= sample.labels.items()]
        self.assertEqual(len(found), 1, name)
        return found[0]

    def test_families_have_types_and_descriptions(self):
        names = [family.name for family in self.families]
        self.assertEqual(len(names), len(set(names)))
        for family in self.families:
            with self.subTest(family.name):
                self.assertIn(family.type, ("counter", "gauge", "histogram"))
                self.assertTrue(family.documentation)
                self.assertTrue(family.samples)
                self.assertEqual(len({(sample.name, *sorted(sample.labels.items()))
                                      for sample in family.samples}), len(family.samples))
                for sample in family.samples:
                    self.assertGreaterEqual(sample.value, 0)

    def test_histograms_add_up(self):
        histograms = [family for family in self.families if family.type == "histogram"]
        self.assertGreaterEqual(len(histograms), 9)
        for family in histograms:
            with self.subTest(family.name):
                buckets = [(sample.labels["le"], sample.value) for sample in family.samples
                           if sample.name == family.name + "_bucket"]
                bounds = [float(bound) for bound, _ in buckets]
                counts = [count for _, count in buckets]
                self.assertEqual(bounds, sorted(set(bounds)))
                self.assertEqual(bounds[-1], float("inf"))
                self.assertEqual(counts, sorted(counts))
                count = self.value(family.name + "_count")
                self.assertEqual(counts[-1], count)
                # The sum is within what the buckets say.
                steps = [b - a for a, b in zip([0, *counts], counts)]
                total = self.value(family.name + "_sum")
                self.assertGreaterEqual(
                    total, sum(n * bound for n, bound in zip(steps[1:], bounds)) - 1e-9)
                if steps[-1] == 0:
                    self.assertLessEqual(
                        total, sum(n * bound for n, bound in zip(steps, bounds[:-1])) + 1e-9)

    def test_counts_agree(self):
        self.assertEqual(self.value("slipstream_generation_tokens_total"), 18)
        self.assertEqual(self.value("slipstream_request_generation_tokens_sum"), 18)
        self.assertEqual(self.value("slipstream_time_to_first_token_seconds_count"), 3)
        self.assertEqual(self.value("slipstream_inter_token_latency_seconds_count"), 15)
        self.assertEqual(self.value("slipstream_request_success_total", finished_reason="length"), 3)
        self.assertEqual(self.value("slipstream_http_responses_total", handler="/v1/completions"), 3)

    def test_the_process_is_described(self):
        for name in ("start_time_seconds", "cpu_seconds_total", "resident_memory_bytes",
                     "open_fds", "max_fds"):
            self.assertGreater(self.value("process_" + name), 0)
        info = next(family for family in self.families
                    if family.name == "slipstream_cache_config_info").samples[0].labels
        pages = int(info["num_cpu_blocks"])
        self.assertEqual(pages * int(info["block_size"]), 4096)
        self.assertEqual(int(info["num_bytes"]) % pages, 0)


class TlsTest(CliTest):
    def certificate(self):
        """A certificate of its own making, and its key."""
        files = self.home / "cert.pem", self.home / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-noenc", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
            check=True, capture_output=True, timeout=TIMEOUT_S)
        return files

    def test_answers_over_tls_and_only_so(self):
        certificate, key = self.certificate()
        server = Serving("-m", smollm2(), "--max-model-len", 256, "--ssl-cert-file", certificate,
                         "--ssl-key-file", key)
        self.addCleanup(server.stop)
        self.assertTrue(server.url.startswith("https://"))
        server.wait_for("(ready):")
        trusting = ssl.create_default_context(cafile=certificate)
        body = json.dumps({"prompt": "One, two,", "max_tokens": 4}).encode()
        with urllib.request.urlopen(server.url + "/v1/completions", body, timeout=TIMEOUT_S,
                                    context=trusting) as answer:
            self.assertEqual(json.load(answer)["usage"]["completion_tokens"], 4)
        with self.assertRaises(urllib.error.URLError) as caught:
            urllib.request.urlopen(server.url + "/health", timeout=TIMEOUT_S)
        self.assertIsInstance(caught.exception.reason, ssl.SSLCertVerificationError)
        # Plain HTTP gets no answer, and does no harm.
        plain = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]),
                                           timeout=TIMEOUT_S)
        with self.assertRaises((http.client.HTTPException, ConnectionError)):
            plain.request("GET", "/health")
            plain.getresponse()
        plain.close()
        if openai is not None:
            client = openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0,
                                   http_client=openai.DefaultHttpxClient(verify=trusting))
            self.assertEqual(len(client.models.list().data), 1)

    def test_a_key_of_another_certificate_is_refused(self):
        certificate, _ = self.certificate()
        other = certificate.rename(self.home / "other.pem")
        _, key = self.certificate()
        self.assert_fails(1, "key", "serve", "-m", smollm2(), "--port", 0, "--ssl-cert-file", other,
                          "--ssl-key-file", key)


class LogTest(CliTest):
    def test_json_lines_of_requests_and_events(self):
        log = self.home / "log.jsonl"
        server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 256, "--log-format", "json",
                         "--log-file", log, "--api-key", "secret")
        server.wait_for("(ready): smol")
        for key in ("secret", "wrong"):
            request = urllib.request.Request(
                server.url + "/v1/completions",
                json.dumps({"prompt": "One, two,", "max_tokens": 4, "ignore_eos": True}).encode(),
                {"Authorization": f"Bearer {key}", "X-Request-Id": f"with-{key}"})
            try:
                urllib.request.urlopen(request, timeout=TIMEOUT_S).close()
            except urllib.error.HTTPError as error:
                error.close()
        server.stop()
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn("listening on http://127.0.0.1", lines[0]["message"])
        answer, refusal = sorted((line for line in lines if "route" in line),
                                 key=lambda line: line["request_id"])
        self.assertEqual(answer["request_id"], "with-secret")
        self.assertEqual(answer["client"], "key 1")
        self.assertEqual((answer["status"], answer["completion_tokens"], answer["finish_reason"]),
                         (200, 4, "length"))
        self.assertGreater(answer["ms"], 0)
        self.assertEqual((refusal["level"], refusal["status"]), ("warning", 401))

    def test_text_lines_of_a_file_have_the_time(self):
        log = self.write("log", "of before\n")
        server = Serving("-m", smollm2(), "--max-model-len", 256, "--log-file", log)
        server.wait_for("(ready):")
        server.request("/v1/completions", {"prompt": "One", "max_tokens": 2})
        server.stop()
        first, *lines = log.read_text().splitlines()
        self.assertEqual(first, "of before")
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]+Z .")
        self.assertRegex("\n".join(lines), r" POST /v1/completions 200 [\d.]+ ms prompt=\d+ cached=0 "
                                           r"tokens=\d finish=")

    def test_a_log_that_cant_be_written_is_an_error(self):
        self.assert_fails(1, "no/log", "serve", "-m", smollm2(), "--port", 0, "--log-file",
                          self.home / "no/log")


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

    @unittest.skipUnless(socket.has_ipv6, "there is no IPv6")
    def test_an_address_of_ipv6_is_in_brackets(self):
        server = Serving("-m", smollm2(), "--max-model-len", 256, "--host", "::1", "--grpc-port", 0)
        server.wait_for("(ready):")
        self.assertTrue(server.url.startswith("http://[::1]:"), server.url)
        server.wait_for(r"listening on (grpc://\[::1\]:\d+)")
        self.assertEqual(server.request("/health")[0], 200)
        self.assertEqual(server.stop(), 0)

    def test_options_are_checked(self):
        self.assert_fails(2, "--ssl-key-file", "serve", "-m", smollm2(), "--ssl-cert-file", "x")
        self.assert_fails(2, "-md", "serve", "-m", smollm2(), "-md", smollm2())
        self.assert_fails(2, "--spec-type", "serve", "-m", smollm2(), "--spec-type", "draft")


if __name__ == "__main__":
    unittest.main()
