"""bench/compare without its peers: what it reads of their output, what it makes of the figures."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from compare_lib import (Failure, contestants, figures, plot, process, report, rounds,  # noqa: E402
                         works)

SLIPSTREAM = {"tests": [{"test": "tg128", "tokens_per_s": {"median": 375.0, "min": 370, "max": 380},
                         "gbps": 36.2, "fraction_of_bound": 0.75, "bound": "bandwidth"}]}
LLAMA = [{"n_gen": 128, "repack": True, "avg_ts": 110.0, "samples_ts": [90.0, 140.0, 100.0]}]
BATCHED = ("\n{\"n_kv_max\": 4096, \"pl\": 16, \"t_tg\": 1.5, \"speed_tg\": 404.5, "
           "\"speed\": 457.5}\n\n")


def entry(name, *samples, peer=True, **more):
    return {"name": name, "peer": peer, "configuration": more.pop("configuration", "plain"),
            "samples": list(samples), **more}


def result(*entries, more_is_better=True, unit="t/s", **goal):
    return {"name": "work", "title": "model, `work`", "unit": unit, "goal": goal, "stolen": 0.012,
            "more_is_better": more_is_better, "entries": list(entries)}


def ours(*samples, **more):
    return entry("Slipstream, activations 16", *samples, peer=False, **more)


class Outputs(unittest.TestCase):
    def test_figures_are_found(self):
        sample = contestants.parse_slipstream(json.dumps(SLIPSTREAM))
        self.assertEqual(sample, contestants.Sample(375.0, 0.75, "bandwidth"))
        self.assertEqual(contestants.parse_llama_bench(json.dumps(LLAMA)).value, 100.0)
        self.assertEqual(contestants.parse_batched_bench(BATCHED).value, 404.5)
        text = 'a note\n{"tokens_per_s": [1.0, 4.0]}\n'
        self.assertEqual(contestants.parse_worker(text).value, 2.5)

    def test_other_output_is_a_failure(self):
        for parse in (contestants.parse_slipstream, contestants.parse_llama_bench,
                      contestants.parse_batched_bench, contestants.parse_worker):
            for text in ("", "error: no model", "[]", "{}", '{"tests": []}', "[1, 2]",
                         '[{"samples_ts": []}]', '{"tokens_per_s": []}', '{"speed_tg": null}'):
                with self.assertRaisesRegex(Failure, "expected figures, got", msg=text):
                    parse(text)


class Commands(unittest.TestCase):
    setting = contestants.Setting(pathlib.Path("/models"), 2)

    def words(self, contestant, name):
        (work,) = works.select(name, False)
        return " ".join(map(str, contestant.command(work, self.setting)))

    def test_each_kind(self):
        slipstream = contestants.Slipstream("slipstream", "8")
        self.assertIn("bench -q -m /models/SmolLM2", self.words(slipstream, "smollm2-decode"))
        self.assertIn("-p 0 -n 128 -npl 1 -d 0", self.words(slipstream, "smollm2-decode"))
        self.assertIn("--activations 8", self.words(slipstream, "smollm2-start"))
        llama = contestants.LlamaCpp(pathlib.Path("/bin"), False, True)
        self.assertIn("/bin/llama-bench", self.words(llama, "1b-prefill"))
        self.assertIn("--repack 0 -p 256 -n 0", self.words(llama, "1b-prefill"))
        self.assertIn("-p 0 -n 32 -d 8192", self.words(llama, "1b-deep-decode"))
        self.assertIn("llama-batched-bench", self.words(llama, "smollm2-batch"))
        self.assertIn("--no-repack -c 1040 -npp 1 -ntg 64 -npl 16",
                      self.words(llama, "smollm2-batch"))
        self.assertIn("-c 2048 -no-cnv", self.words(llama, "8b-memory"))

    def test_selection(self):
        self.assertEqual(len(works.select(None, False)), len(works.WORKS))
        self.assertEqual([work.name for work in works.select(None, True)], works.QUICK)
        (work,) = works.select(" 8b-start ,", True)
        self.assertEqual((work.name, work.unit, work.more_is_better), ("8b-start", "ms", False))
        for bad in ("", ",", "smollm2", "8b-start,nothing"):
            with self.assertRaisesRegex(Failure, "--only: expected some of"):
                works.select(bad, False)

    def test_names_are_unique_and_models_known(self):
        names = [work.name for work in works.WORKS]
        self.assertEqual(len(set(names)), len(names))
        self.assertLessEqual({work.model for work in works.WORKS}, set(works.MODELS))


class Processes(unittest.TestCase):
    def python(self, code, **environment):
        return process.run([sys.executable, "-c", code], environment)

    def test_first_output_and_memory(self):
        finished = self.python("import time; print(flush=True); time.sleep(0.3);"
                               "print('x', flush=True); a = b'1' * 80_000_000; time.sleep(0.3)")
        self.assertEqual(finished.output, "\nx\n")
        self.assertGreater(finished.first_output_s, 0.3)
        self.assertLess(finished.first_output_s, 30)
        self.assertGreater(finished.peak_bytes, 80_000_000)

    def test_failures(self):
        with self.assertRaisesRegex(Failure, "ended with 3: the reason"):
            self.python("import sys; sys.stderr.write('note\\nthe reason\\n\\n'); sys.exit(3)")
        with self.assertRaisesRegex(Failure, "ended with -9: no message"):
            self.python("import os; os.kill(os.getpid(), 9)")
        with self.assertRaisesRegex(Failure, "/no/such: No such file"):
            process.run(["/no/such"])

    def test_a_program_that_hangs_is_ended(self):
        limit, process.TIMEOUT_S = process.TIMEOUT_S, 0.2
        self.addCleanup(setattr, process, "TIMEOUT_S", limit)
        start = time.perf_counter()
        with self.assertRaisesRegex(Failure, "more than"):
            self.python("import time; time.sleep(60)")
        self.assertLess(time.perf_counter() - start, 30)

    def test_callers_settings_do_not_count(self):
        os.environ["LLAMA_ARG_THREADS"] = "7"
        self.addCleanup(os.environ.pop, "LLAMA_ARG_THREADS")
        code = "import os; print(os.environ.get('LLAMA_ARG_THREADS'), os.environ['GGML_X'])"
        self.assertEqual(self.python(code, GGML_X="1").output, "None 1\n")

    def test_stolen_share(self):
        self.assertEqual(process.stolen_share((10, 100), (15, 200)), 0.05)
        self.assertIsNone(process.stolen_share(None, (15, 200)))
        self.assertIsNone(process.stolen_share((10, 100), (10, 100)))


class Scripted:
    """A contestant whose samples are given; text among them is what it fails with."""
    configuration = "plain"

    def __init__(self, name, *values, peer=True):
        self.name, self.values, self.peer, self.calls = name, values, peer, 0

    def can(self, work):
        return True

    def sample(self, work, setting):
        value = self.values[min(self.calls, len(self.values) - 1)]
        self.calls += 1
        if isinstance(value, str):
            raise Failure(value)
        return value if isinstance(value, contestants.Sample) else contestants.Sample(value)


class Rounds(unittest.TestCase):
    def measure(self, name, n_rounds, *entrants):
        (work,) = works.select(name, False)
        return rounds.measure(work, entrants, None, n_rounds, lambda message: None)

    def test_interleaved_and_pruned(self):
        slow = Scripted("llama.cpp", 70, 50, 1000)
        found = self.measure("smollm2-decode", 4, Scripted("Slipstream", 1, peer=False),
                             Scripted("llama.cpp", 100, 90), slow, Scripted("llama.cpp", 10, 80))
        self.assertEqual([len(entry["samples"]) for entry in found["entries"]], [4, 4, 2, 4])
        slow = Scripted("llama.cpp", 200)
        found = self.measure("smollm2-start", 3, Scripted("llama.cpp", 100), slow)
        self.assertEqual([entry["samples"] for entry in found["entries"]], [[100] * 3, [200] * 2])
        self.assertEqual(slow.calls, 4)  # each time once before it counts
        found = self.measure("smollm2-memory", 3, Scripted("llama.cpp", 100))
        self.assertEqual(found["entries"][0]["samples"], [100])

    def test_all_are_measured_by_the_highest_limit_of_a_round(self):
        def bound(value, fraction, kind="bandwidth"):
            return contestants.Sample(value, fraction, kind)

        found = self.measure("smollm2-decode", 2,
                             Scripted("A", bound(50, 1.0), bound(80, 0.8), peer=False),
                             Scripted("B", bound(80, 0.8), bound(60, 0.75), peer=False),
                             Scripted("C", bound(10, 0.01, "compute"), peer=False),
                             Scripted("llama.cpp", 30))
        self.assertEqual([entry.get("fraction") for entry in found["entries"]],
                         [(0.5 + 0.8) / 2, (0.8 + 0.6) / 2, 0.01, None])

    def test_a_failure_is_kept_and_the_rest_goes_on(self):
        broken = Scripted("OpenVINO GenAI", 5, "no such type")
        found = self.measure("smollm2-decode", 3, broken, Scripted("llama.cpp", 7))
        self.assertEqual(found["entries"][0]["error"], "no such type")
        self.assertEqual(found["entries"][1]["samples"], [7, 7, 7])
        self.assertEqual(broken.calls, 2)


class Figures(unittest.TestCase):
    def test_medians_and_the_best(self):
        self.assertEqual(figures.spread(entry("a", 3, 1, 2)), (2, 1, 3))
        self.assertEqual(figures.spread(entry("a", 1, 2)), (1.5, 1, 2))
        self.assertIsNone(figures.spread(entry("a")))
        entries = [entry("a", 5, configuration="x"), entry("a", 7, configuration="y"),
                   entry("a", configuration="z", error="broken"), entry("b", error="broken")]
        self.assertEqual(figures.best_entries(result(*entries))["a"]["configuration"], "y")
        less = result(*entries, more_is_better=False)
        self.assertEqual(figures.best_entries(less)["a"]["configuration"], "x")
        self.assertEqual(figures.best_entries(less)["b"]["error"], "broken")

    def test_ratios(self):
        self.assertEqual(figures.ratio(result(), ours(300), entry("a", 100)), 3)
        less = result(more_is_better=False)
        self.assertEqual(figures.ratio(less, ours(50), entry("a", 400)), 8)
        for other in (None, entry("a"), entry("a", 0)):
            self.assertIsNone(figures.ratio(result(), ours(300), other))

    def test_goals(self):
        llama = entry("llama.cpp", 100)

        def met(mine, *rest, **kwargs):
            return figures.is_met(result(mine, *rest, **kwargs), mine)

        self.assertIs(met(ours(200), llama, ratio=2), True)
        self.assertIs(met(ours(199), llama, ratio=2), False)
        self.assertIs(met(ours(200, fraction=0.79), llama, ratio=2, fraction=0.8), False)
        self.assertIs(met(ours(200, fraction=0.8), llama, ratio=2, fraction=0.8), True)
        self.assertIsNone(met(ours(200), ratio=2))
        self.assertIsNone(met(ours(), llama, ratio=2))
        self.assertIs(met(ours(61), more_is_better=False, unit="ms", at_most=60), False)
        memory = {"more_is_better": False, "unit": "MB", "of_file": 1.1, "file_mb": 100}
        self.assertIs(met(ours(109), **memory), True)
        self.assertIs(met(ours(111), **memory), False)


def example():
    fast = result(ours(200, 210, 190, fraction=0.8123, bound="bandwidth"),
                  entry("Slipstream, activations 8", 400, peer=False, fraction=0.9,
                        bound="bandwidth"),
                  entry("llama.cpp", 100, configuration="repack"), entry("llama.cpp", 80),
                  entry("OpenVINO GenAI", error="can't | read\nit"), ratio=3)
    start = result(ours(50), entry("llama.cpp", 5), more_is_better=False, unit="ms", at_most=60)
    return {"slipstream": "slipstream 1", "threads": 2, "rounds": 3, "machine": {"cpu": "A CPU"},
            "results": [fast, start]}


class Reports(unittest.TestCase):
    def test_table(self):
        lines = report.table(example()["results"]).splitlines()
        cells = [[text.strip() for text in line.strip("|").split(" | ")] for line in lines]
        self.assertEqual(len({len(line) for line in cells}), 1)
        self.assertEqual(cells[2], [
            "model, `work`", "200 t/s (190…210)", "400 t/s (400…400)",
            "100 t/s (100…100), repack", "failed", "2.00 × / 4.00 ×", "— / —",
            "81 % bandwidth / 90 % bandwidth", "≥ 3 ×: missed / met"])
        self.assertEqual(cells[3][1:4], ["50.0 ms (50.0…50.0)", "—", "5.0 ms (5.0…5.0), plain"])
        self.assertEqual(cells[3][5:], ["0.10 × / —", "— / —", "— / —", "≤ 60 ms: met / —"])

    def test_notes(self):
        text = report.notes(example())
        self.assertIn("A CPU, 2 threads, slipstream 1. Rounds, interleaved: 3", text)
        self.assertIn("up to 1.2%", text)
        self.assertIn("- OpenVINO GenAI (plain), model, `work`: can't | read it\n", text)

    def test_readme_section(self):
        before = f"# Title\n{report.BEGIN}\nold\n{report.END}\nrest\n"
        after = report.replace_section(before, "new\n")
        self.assertEqual(after, f"# Title\n{report.BEGIN}\nnew\n{report.END}\nrest\n")
        self.assertEqual(report.replace_section(after, "new"), after)
        for bad in ("", report.BEGIN, report.END + report.BEGIN):
            with self.assertRaisesRegex(Failure, "without them"):
                report.replace_section(bad, "new")

    def test_readme_has_the_markers(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertIn("new", report.replace_section(text, "new"))


class Plots(unittest.TestCase):
    def test_bars(self):
        root = xml.etree.ElementTree.fromstring(plot.svg(example()["results"]))
        space = "{http://www.w3.org/2000/svg}"
        bars = [rect for rect in root.iter(space + "rect") if rect.get("width") != "10"]
        # From 1/16 to 4 over the chart's width: 2 × is a sixth of it, 4 × two, 0.1 × 3.32.
        widths = sorted(float(rect.get("width")) for rect in bars)
        unit = plot.CHART / 6
        self.assertEqual(len(widths), 3)
        for width, expected in zip(widths, (1, 2, 3.32)):
            self.assertAlmostEqual(width / unit, expected, delta=0.01)
        texts = [text.text for text in root.iter(space + "text")]
        self.assertIn("Slipstream, activations 8 : llama.cpp", texts)
        self.assertIn("4 ×", texts)

    def test_nothing_to_draw(self):
        xml.etree.ElementTree.fromstring(plot.svg([]))
        xml.etree.ElementTree.fromstring(plot.svg([result(ours(1))]))


class Script(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipstream-compare-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def compare(self, *arguments, code=0):
        done = subprocess.run([sys.executable, ROOT / "bench/compare", *map(str, arguments)],
                              capture_output=True, text=True, encoding="utf-8")
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout if code == 0 else done.stderr

    def write(self, name, found):
        path = self.folder / name
        path.write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
        return path

    def test_tells_earlier_runs(self):
        first, second = example(), example()
        first["results"] = first["results"][:1]
        first["results"][0]["name"] = "smollm2-prefill"
        second["results"] = second["results"][1:]
        second["results"][0]["name"] = "smollm2-decode"
        merged = self.folder / "merged.json"
        text = self.compare("--from", self.write("a", first), self.write("b", second), "--json",
                            merged, "--svg", self.folder / "plot.svg")
        self.assertIn("200 t/s (190…210)", text)
        names = [found["name"] for found in json.loads(merged.read_text())["results"]]
        self.assertEqual(names, ["smollm2-decode", "smollm2-prefill"])
        self.assertTrue((self.folder / "plot.svg").read_text().startswith("<svg"))

    def test_only_one_setting_compares(self):
        other = dict(example(), threads=4)
        message = self.compare("--from", self.write("a", example()), self.write("b", other), code=1)
        self.assertIn("only figures of one setting compare", message)

    def test_bad_use(self):
        self.assertIn("what --json wrote", self.compare("--from", self.write("a", "[]"), code=1))
        self.assertIn("No such file", self.compare("--from", self.folder / "none", code=1))
        self.assertIn("expected some of", self.compare("--only", "nothing", code=1))
        self.assertIn("1 or more", self.compare("--rounds", "0", code=1))
        message = self.compare("--program", self.folder / "none", code=1)
        self.assertIn("scripts/quickstart", message)
        program = os.environ["SLIPSTREAM_PROGRAM"]
        for option, value in (("--activations", "4"), ("--peers", "vllm"), ("--peers", "")):
            message = self.compare("--program", program, option, value, code=1)
            self.assertIn(f"{option}: expected some of", message)


if __name__ == "__main__":
    unittest.main()
