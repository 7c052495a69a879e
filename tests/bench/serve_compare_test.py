"""bench/serve-compare without its peers: its processes, its scenarios on a server of the test's, its tables."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = pathlib.Path(os.environ["SLIPSTREAM_PROGRAM"])
sys.path.insert(0, str(ROOT / "bench"))

from compare_lib import Failure, children, scenarios, serve_report, servers  # noqa: E402

# Answers every chat with three words.
SERVER = textwrap.dedent("""
    import http.server, json, sys
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": "three words"}]}')
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for word in "abc":
                event = {"choices": [{"delta": {"content": word}}]}
                self.wfile.write(b"data: %s\\n\\n" % json.dumps(event).encode())
            event = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
            self.wfile.write(b"data: %s\\n\\ndata: [DONE]\\n\\n" % json.dumps(event).encode())
        def log_message(self, *_):
            pass
    http.server.ThreadingHTTPServer.request_queue_size = 64
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
""")


class Words:
    """A contestant that serves SERVER."""
    name, configuration = "words", "defaults"

    def __init__(self, peer=True):
        self.peer, self.pids = peer, []

    def start(self, model, needs):
        port = children.free_port()
        server = children.Server([sys.executable, "-c", SERVER, port], port)
        self.pids.append(server.process.pid)
        return server


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def entry(name, peer, **figures):
    return {"name": name, "peer": peer, "configuration": "defaults", "figures": figures}


class Children(unittest.TestCase):
    def test_ends_with_its_block(self):
        with self.assertRaises(KeyError):
            with children.Child(["sleep", 1000]) as child:
                pid = child.process.pid
                self.assertGreater(child.memory()[0], 0)
                raise KeyError
        self.assertFalse(is_running(pid))

    def test_failures_say_what_it_said(self):
        with children.Child(["sh", "-c", "echo no model >&2; exit 3"]) as child:
            with self.assertRaisesRegex(Failure, "sh ended with 3: no model"):
                child.finish(60)
        with children.Child(["sleep", 1000]) as child:
            with self.assertRaisesRegex(Failure, "more than 0.1 s"):
                child.finish(0.1)
        with self.assertRaisesRegex(Failure, "no/such/program"):
            children.Child(["/no/such/program"])

    def test_a_server_that_does_not_start(self):
        with children.Server(["sh", "-c", "echo bad flag >&2; exit 1"], 1) as server:
            with self.assertRaisesRegex(Failure, "ended at its start: bad flag"):
                server.wait_until_ready()


class Commands(unittest.TestCase):
    needs = servers.Needs(slots=16, context=2048, queue=5)

    def test_both_get_the_same_room(self):
        ours = list(map(str, servers.Slipstream("slip", 2, "8").command("m.gguf", self.needs, 81)))
        theirs = list(map(str, servers.LlamaServer("llama", 2, ["-fa", "on"]).command(
            "m.gguf", self.needs, 82)))
        for words in (ours, theirs):
            self.assertEqual(words[words.index("-c") + 1], "32768")
            self.assertEqual(words[words.index("-np") + 1], "16")
            self.assertEqual(words[words.index("-t") + 1], "2")
        self.assertEqual(theirs[-2:], ["-fa", "on"])
        self.assertEqual(ours[ours.index("--queue") + 1], "5")


class Scenarios(unittest.TestCase):
    setting = scenarios.Setting(PROGRAM, "m.gguf", seconds=1, overload_s=1)

    def test_mixed_has_its_figures(self):
        contestant = Words()
        figures = scenarios.mixed(contestant, self.setting)
        self.assertGreater(figures["tokens/s"], 0)
        self.assertGreater(figures["peak memory, MB"], 1)
        self.assertFalse(any(map(is_running, contestant.pids)))

    def test_a_failure_ends_the_server(self):
        contestant = Words()
        # Its answers are too short to be under way when the prompt comes.
        with self.assertRaisesRegex(Failure, "expected four answers under way"):
            scenarios.long_prompt(contestant, self.setting)
        self.assertFalse(any(map(is_running, contestant.pids)))

    def test_shared_prefix_compares(self):
        figures = scenarios.shared_prefix(Words(peer=False), self.setting)
        self.assertGreater(figures["without : with"], 0)
        self.assertNotIn("without : with", scenarios.cold_prefix(Words(), self.setting))

    def test_overload_has_its_figures(self):
        contestant = Words()
        figures = scenarios.overload(contestant, self.setting)
        self.assertGreater(figures["answered"], 0)
        self.assertEqual(figures["refused with 429"], 0)
        self.assertEqual(figures["queue"], max(1, round(figures["requests/s, closed loop"] / 2)))
        self.assertFalse(any(map(is_running, contestant.pids)))

    def test_selection(self):
        self.assertEqual(len(scenarios.select(None)), len(scenarios.SCENARIOS))
        self.assertEqual([s.name for s in scenarios.select("overload, mixed")],
                         ["mixed", "overload"])
        for only in ("", "nothing", "mixed,x"):
            with self.assertRaises(Failure):
                scenarios.select(only)


class Report(unittest.TestCase):
    def section(self, *entries):
        scenario = scenarios.SCENARIOS[0]
        result = {"name": scenario.name, "title": scenario.title, "entries": list(entries)}
        return serve_report.section(result, scenario)

    def test_goals_and_ratios(self):
        text = self.section(
            entry("Slipstream", False, **{"tokens/s": 500.0, "TTFT p95, ms": 300.0}),
            entry("llama-server", True, **{"tokens/s": 90.0, "TTFT p95, ms": 1000.0}),
            entry("llama-server", True, **{"tokens/s": 99.0, "TTFT p95, ms": 1100.0}))
        self.assertIn("| tokens/s | 500.0 | 99.0 | 5.05 × | ≥ 5 ×: met |", text)
        self.assertIn("| TTFT p95, ms | 300.0 | 1100 | 1/3.67 × | ≥ 4 × lower: missed |", text)

    def test_failures_are_named(self):
        text = self.section(entry("Slipstream", False, **{"tokens/s": 500.0}),
                            {"name": "llama-server", "peer": True, "configuration": "-x",
                             "error": "bad flag"})
        self.assertIn("≥ 5 ×: unknown", text)
        self.assertIn("llama-server: -x; failed: bad flag", text)


class CommandLine(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([sys.executable, ROOT / "bench/serve-compare", *map(str, arguments)],
                              capture_output=True, text=True, timeout=60)

    def test_earlier_runs_become_one(self):
        common = {"title": "SmolLM2", "slipstream": "slipstream 1", "threads": 2,
                  "machine": {"cpu": "c", "cores": 2, "system": "s"}}
        result = {"name": "mixed", "title": "16 clients"}
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder) / name for name in ("a.json", "b.json")]
            for path, made in zip(paths, (entry("Slipstream", False, **{"tokens/s": 50.0}),
                                          entry("llama-server", True, **{"tokens/s": 5.0}))):
                path.write_text(json.dumps({**common, "results": [{**result, "entries": [made]}]}))
            done = self.run_it("--from", *paths)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("| tokens/s | 50.0 | 5.00 | 10.00 × | ≥ 5 ×: met |", done.stdout)
            paths[1].write_text(json.dumps({**common, "threads": 4, "results": []}))
            done = self.run_it("--from", *paths)
            self.assertEqual(done.returncode, 1)
            self.assertIn("only figures of one setting compare", done.stderr)

    def test_bad_options(self):
        for arguments in (("--only", "x"), ("--servers", "vllm"), ("--seconds", 0),
                          ("--program", "/nowhere"), ("--from", "/nowhere")):
            done = self.run_it("--program", PROGRAM, *arguments)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertTrue(done.stderr.startswith("error: "), done.stderr)

    def test_being_ended_ends_the_servers(self):
        """With SIGTERM, as a time limit sends it."""
        with tempfile.TemporaryDirectory() as folder:
            pids = pathlib.Path(folder) / "pids"
            fake = pathlib.Path(folder) / "slipstream"
            # Says its version; as a server it never gets ready.
            fake.write_text("#!/bin/sh\n"
                            f'if [ "$1" = version ]; then exec {PROGRAM} version --json; fi\n'
                            f"echo $$ >> {pids}\nexec sleep 1000\n")
            fake.chmod(0o755)
            driver = textwrap.dedent(f"""
                import pathlib, sys
                sys.path.insert(0, {str(ROOT / 'bench')!r})
                from compare_lib import peers
                peers.models = lambda names: pathlib.Path("/models")
                import runpy
                sys.argv = ["serve-compare", "--servers", "slipstream", "--program", {str(fake)!r}]
                runpy.run_path({str(ROOT / 'bench/serve-compare')!r}, run_name="__main__")
            """)
            process = subprocess.Popen([sys.executable, "-c", driver], stderr=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while not pids.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(60), 130)
            self.assertFalse(any(is_running(int(pid)) for pid in pids.read_text().split()))


if __name__ == "__main__":
    unittest.main()
