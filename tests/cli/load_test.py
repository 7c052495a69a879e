"""`bench --serve` against a server that this test plays."""
import http.server
import json
import signal
import socket
import subprocess
import threading
import time
import unittest
import xml.etree.ElementTree

from cli_support import PROGRAM, TIMEOUT_S, CliTest


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, body, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers), None))
        self.answer(200, "application/json", b'{"data": [{"id": "played"}]}')

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, dict(self.headers), body))
        if len(self.server.seen) in self.server.refused:
            return self.answer(429, "application/json", b'{"error": {"message": "full"}}')
        words = [{"choices": [{"delta": {"content": "word "}, "text": "word "}]}] * 4
        usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 8}}
        events = [f"data: {json.dumps(event)}\n\n" for event in [*words, usage]]
        self.answer(200, "text/event-stream", "".join([*events, "data: [DONE]\n\n"]).encode())

    def log_message(self, *_):
        pass


class Played(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class LoadTest(CliTest):
    def setUp(self):
        super().setUp()
        self.server = Played(("127.0.0.1", 0), Handler)
        self.server.seen, self.server.refused = [], ()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def bodies(self):
        return [body for _, _, body in self.server.seen if body]

    def test_figures_as_json(self):
        found = self.json("bench", "--serve", self.url, "--clients", 3, "--requests", 12,
                          "--prompt-tokens", "20:30", "--answer-tokens", "5:7", "--seed", 1,
                          "--per-request", "--slo", "ttft:60000")
        self.assertEqual(found["requests"], {"sent": 12, "answered": 12, "refused": 0, "failed": 0,
                                             "cancelled": 0})
        self.assertEqual(found["model"], "played")
        self.assertEqual(found["generated_tokens"], 96)
        self.assertEqual(found["prompt_tokens"], 108)
        self.assertAlmostEqual(found["tokens_per_s"] * found["seconds"] / 96, 1, delta=0.02)
        self.assertEqual(found["goodput"]["good"], 12)
        self.assertEqual(len(found["per_request"]), 12)
        for spread in ("ttft_ms", "itl_ms", "worst_gap_ms", "e2e_ms"):
            values = [found[spread][key] for key in ("p50", "p90", "p95", "p99", "max")]
            self.assertEqual(values, sorted(values))
        self.assertEqual(found["itl_ms"]["n"], 36)
        for body in self.bodies():
            self.assertEqual(body["model"], "played")
            self.assertIn(body["max_tokens"], (5, 6, 7))
            self.assertTrue(body["ignore_eos"])
            self.assertIn(len(body["messages"][0]["content"].split()), range(20, 31))
        self.assertEqual(len({body["messages"][0]["content"] for body in self.bodies()}), 12)

    def test_a_table_and_a_plot(self):
        plot = self.home / "plot.svg"
        done = self.run_cli("bench", "--serve", self.url + "/v1", "--rate", 200, "--requests", 20,
                            "--plot", plot, "--endpoint", "completions", "--stop-at-eos",
                            "--model-name", "other", "--api-key", "secret", "--temp", 0)
        self.assertIn("20 requests in", done.stdout)
        self.assertIn("20 answered, 0 refused (429), 0 failed", done.stdout)
        self.assertIn("| time to first token  |", done.stdout)
        self.assertIn("of a CPU", done.stdout)
        root = xml.etree.ElementTree.parse(plot).getroot()
        self.assertEqual(len(root.findall("{*}path")), 4)
        for path, headers, body in self.server.seen:
            self.assertEqual(path, "/v1/completions")
            self.assertEqual(headers["Authorization"], "Bearer secret")
            self.assertEqual(body["model"], "other")
            self.assertEqual(body["temperature"], 0)
            self.assertNotIn("ignore_eos", body)
            self.assertIsInstance(body["prompt"], str)

    def test_prompts_of_a_file(self):
        prompts = self.write("p.jsonl", '{"prompt": "one", "max_tokens": 3}\n'
                                        '{"messages": [{"role": "system", "content": "two"}]}\n')
        self.run_cli("bench", "--serve", self.url, "--prompts", prompts, "--requests", 4,
                     "--answer-tokens", 9)
        self.assertEqual([body["messages"][0]["content"] for body in self.bodies()],
                         ["one", "two", "one", "two"])
        self.assertEqual([body["max_tokens"] for body in self.bodies()], [3, 9, 3, 9])
        self.assert_fails(1, "expected prompts for --endpoint completions", "bench", "--serve",
                          self.url, "--prompts", prompts, "--endpoint", "completions")
        self.assert_fails(1, "line 1", "bench", "--serve", self.url, "--prompts",
                          self.write("bad.jsonl", "[]"))

    def test_refusals_are_counted_apart(self):
        self.server.refused = (2, 4)
        found = self.json("bench", "--serve", self.url, "--requests", 5)
        self.assertEqual(found["requests"]["refused"], 2)
        self.assertEqual(found["requests"]["answered"], 3)
        self.assertEqual(found["errors"], [{"kind": "429", "n": 2, "example": "full"}])

    def test_no_answer_at_all_is_a_failure(self):
        self.server.refused = range(100)
        done = self.run_cli("bench", "--serve", self.url, "--requests", 2, code=1)
        self.assertIn("- 2 × 429: full", done.stdout)

    def test_nobody_there(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        self.assert_fails(1, "cannot connect", "bench", "--serve", f"http://127.0.0.1:{port}")
        self.assert_fails(1, "expected the scheme", "bench", "--serve", "ftp://x")

    def test_wrong_use(self):
        for message, options in (("--rate and --clients", ("--rate", 1, "--clients", 1)),
                                 ("--prompt-tokens: expected", ("--prompt-tokens", "9:3")),
                                 ("--answer-tokens: expected", ("--answer-tokens", "1:2:3")),
                                 ("--prompt-tokens: expected", ("--prompt-tokens", "0")),
                                 ("--slo: expected", ("--slo", "tpot:5")),
                                 ("--serve: expected -o md or json", ("-o", "csv")),
                                 ("-p: expected it only without --serve", ("-p", 8)),
                                 ("-t: expected it only without --serve", ("--threads", 2)),
                                 ("-r: expected it only without --serve", ("-r", 2)),
                                 ("--replay and --serve", ("--replay", "x"))):
            self.assert_fails(2, message, "bench", "--serve", self.url, *options)
        for options in (("--clients", 2), ("--slo", "itl:5"), ("--insecure",)):
            self.assert_fails(2, f"{options[0]}: expected it only with --serve", "bench", "x.gguf",
                              *options)
        self.assert_fails(2, "-n: expected it only without --replay", "bench", "x.gguf", "--replay",
                          "x.jsonl", "-n", 5)
        self.assert_fails(2, "no model given", "bench")

    def test_ctrl_c_tells_the_figures_so_far(self):
        process = subprocess.Popen([PROGRAM, "bench", "--serve", self.url, "--duration", "3600",
                                    "--json"], stdout=subprocess.PIPE, env=self.environment)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + TIMEOUT_S
        while len(self.bodies()) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 130)
        found = json.loads(out)
        self.assertTrue(found["was_cancelled"])
        self.assertGreaterEqual(found["requests"]["answered"], 4)


if __name__ == "__main__":
    unittest.main()
