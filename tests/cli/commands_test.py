"""What the commands print, on tiny models and on a real one."""
import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

from cli_support import DATA, PROGRAM, TINY, CliTest, smollm2

GOLDEN = DATA / "golden"


class Inspect(CliTest):
    def test_gguf(self):
        report = self.json("inspect", TINY)
        self.assertEqual(report["metadata"]["general.architecture"], "llama")
        self.assertEqual(report["metadata"]["tokenizer.ggml.tokens"]["n_items"], 272)
        tensors = {t["name"]: t for t in report["tensors"]}
        embedding = tensors["token_embd.weight"]
        self.assertEqual(embedding["shape"][1], 272)
        self.assertGreater(embedding["bytes"], 0)
        self.assertGreaterEqual(embedding["offset"], 0)
        totals = report["totals"]
        self.assertEqual(totals["n_tensors"], len(tensors))
        self.assertEqual(totals["bytes"], sum(t["bytes"] for t in tensors.values()))
        self.assertEqual(totals["bytes"], sum(t["bytes"] for t in totals["types"]))
        self.assertEqual(totals["file_bytes"], TINY.stat().st_size)
        self.assertAlmostEqual(report["bits_per_weight"],
                               8 * totals["bytes"] / totals["n_elements"], 3)
        full = self.json("inspect", TINY, "--full")
        self.assertEqual(len(full["metadata"]["tokenizer.ggml.tokens"]), 272)

    def test_folder(self):
        report = self.json("inspect", GOLDEN / "llama")
        self.assertEqual(report["metadata"]["config.json:model_type"], "llama")
        self.assertEqual(report["totals"]["types"][0]["type"], "BF16")
        stored = (GOLDEN / "llama/model.safetensors").read_bytes()
        n_header, = struct.unpack("<Q", stored[:8])
        header = json.loads(stored[8:8 + n_header])
        for tensor in report["tensors"]:
            begin, end = header[tensor["name"]]["data_offsets"]
            self.assertEqual((tensor["offset"], tensor["bytes"]),
                             (8 + n_header + begin, end - begin))

    def test_strange_values(self):
        folder = self.home / "model"
        shutil.copytree(GOLDEN / "llama", folder)
        config = json.loads((folder / "config.json").read_text())
        config.update(large=2**64 - 1, bell="a\x07\x1b[31m\nb\x85", long="xy" + "ä" * 200)
        (folder / "config.json").write_text(json.dumps(config))
        metadata = self.json("inspect", folder)["metadata"]
        self.assertEqual(metadata["config.json:large"], 2**64 - 1)
        self.assertEqual(metadata["config.json:bell"], config["bell"])
        lines = self.run_cli("inspect", folder).stdout.split("\n")
        value = lambda key: next(  # noqa: E731
            line for line in lines if f"config.json:{key} " in line).split(maxsplit=2)[2]
        self.assertEqual(value("bell"), '"a\\x07\\x1b[31m\\nb\\x85"')
        self.assertEqual(value("long"), '"xy' + "ä" * 78 + "…")

    def test_text(self):
        out = self.run_cli("inspect", TINY).stdout
        for text in ("general.architecture", "token_embd.weight", "Q8_0", "bits a weight"):
            self.assertIn(text, out)


class Tokenize(CliTest):
    def test_json(self):
        report = self.json("tokenize", TINY, "abc")
        self.assertEqual(set(report), {"tokens", "pieces", "n_tokens"})
        self.assertEqual(report["n_tokens"], len(report["tokens"]))
        self.assertTrue("".join(report["pieces"]).endswith("abc"))

    def test_vocabulary_only_file(self):
        whole = TINY.read_bytes()
        path = self.home / "vocabulary.gguf"
        path.write_bytes(whole[:8] + struct.pack("<Q", 0) + whole[16:])  # no tensors
        self.assertEqual(self.json("inspect", path)["totals"]["n_tensors"], 0)
        self.assertEqual(self.json("tokenize", path, "abc"), self.json("tokenize", TINY, "abc"))

    def test_ill_formed_text_gives_valid_json(self):
        path = self.home / "bytes"
        path.write_bytes(b"a\xff\xc3")
        self.assertGreater(self.json("tokenize", TINY, "-f", path)["n_tokens"], 1)


class TinyModel(CliTest):
    def test_run(self):
        args = ["run", TINY, "--raw", "-p", "abc", "-n", "5", "--temp", "0", "--ignore-eos"]
        report = self.json(*args)
        self.assertEqual(set(report), {"text", "tokens", "finish_reason", "usage", "timings", "isa",
                                       "threads", "rss_bytes"})
        self.assertEqual(report["finish_reason"], "length")
        self.assertEqual(report["usage"]["completion_tokens"], 5)
        self.assertEqual(len(report["tokens"]), 5)
        self.assertEqual(set(report["timings"]), {"load_ms", "ttft_ms", "prefill_tokens_per_s",
                                                  "decode_tokens_per_s", "itl_ms", "drafted", "accepted"})
        self.assertEqual(set(report["timings"]["itl_ms"]), {"p50", "p95", "max"})
        self.assertGreater(report["timings"]["ttft_ms"], report["timings"]["load_ms"])
        streamed = self.run_cli(*args)
        self.assertEqual(streamed.stdout, report["text"] + "\n")
        self.assertIn("prefill", streamed.stderr)
        self.assertEqual(self.run_cli(*args, "--no-perf").stderr, "")
        self.assertRegex(self.run_cli(*args[:-5], "-n", "20", "--temp", "0", "--ignore-eos").stderr,
                         r"GB/s( of [0-9.]+ \((100|[0-9]{1,2}) %\)| \(limit n/a\))")

    def test_a_draft_model_changes_no_answer(self):
        for temperature in ("0", "1"):
            args = ["run", TINY, "--raw", "-p", "abc", "-n", "30", "--ignore-eos", "-s", "3",
                    "--temp", temperature]
            plain = self.json(*args, "--spec-type", "none")
            self.assertEqual(plain["timings"]["drafted"], 0)
            both = self.json(*args, "-md", TINY)
            alone = self.json(*args, "--spec-type", "draft", SLIPSTREAM_SPEC_DRAFT_MODEL=str(TINY))
            for report in (both, alone):
                self.assertEqual(report["tokens"], plain["tokens"])
            # An equal model is right, whether it pays or not.
            self.assertGreater(alone["timings"]["drafted"], 0)
            self.assertEqual(alone["timings"]["accepted"], alone["timings"]["drafted"])
            self.assertIn("guesses right", self.run_cli(*args, "-md", TINY).stderr)
        chat = ["chat", TINY, "--chat-template", "{{ messages[-1]['content'] }}", "-n", "20",
                "--ignore-eos", "--temp", "0"]
        turns = "abc\nde\nabc\n"
        self.assertEqual(self.run_cli(*chat, "-md", TINY, stdin=turns).stdout,
                         self.run_cli(*chat, "--spec-type", "none", stdin=turns).stdout)

    def test_a_draft_model_that_does_not_fit(self):
        ask = ["-m", TINY, "--raw", "-p", "abc", "-n", "1"]
        other = self.home / "other.gguf"
        other.write_bytes(TINY.read_bytes().replace(b"<pad>", b"<mad>"))
        self.assert_fails(1, "other.gguf: vocabulary of the draft model: token 271: expected '<pad>'",
                          "run", *ask, "-md", other)
        self.assert_fails(1, "absent.gguf", "run", *ask, "-md", self.home / "absent.gguf")
        self.run_cli("run", *ask, "-md", other, "--spec-type", "none")

    def test_prompt_sources_join(self):
        rest = ["--raw", "-n", "1", "--temp", "0", "--json"]
        count = lambda *args, **kw: json.loads(  # noqa: E731
            self.run_cli("run", "-m", TINY, *args, *rest, **kw).stdout)["usage"]["prompt_tokens"]
        whole = count("-p", "ab\ncd")
        self.assertEqual(count(stdin="ab\ncd"), whole)
        self.assertEqual(count("-p", "ab\n", "-f", "-", stdin="cd"), whole)
        self.assertLess(count("-p", "ab", stdin="cd"), whole)
        self.assertEqual(count("-f", self.write("p", "ab\ncd")), whole)
        self.assertEqual(count("-f", "-", stdin="ab\ncd"), whole)

    def test_seed_and_threads_decide_nothing_else(self):
        args = ["run", TINY, "--raw", "-p", "abc", "-n", "12", "--ignore-eos", "-s", "7"]
        first = self.json(*args, "-t", "1")["tokens"]
        self.assertEqual(self.json(*args, "-t", "3")["tokens"], first)
        self.assertEqual(self.json(*args, "-b", "1")["tokens"], first)

    def test_the_makers_sampling_parameters(self):
        folder = self.home / "model"
        shutil.copytree(GOLDEN / "llama", folder)
        draw = lambda seed, *args: self.json(  # noqa: E731
            "run", folder, "--raw", "-p", "abc", "-n", "12", "--ignore-eos", "-s", seed, *args)["tokens"]
        hints = {"do_sample": True, "top_k": 1}
        (folder / "generation_config.json").write_text(json.dumps(hints))
        self.assertEqual(draw(1), draw(2))
        self.assertNotEqual(draw(1, "--top-k", "0", "--temp", "9"),
                            draw(2, "--top-k", "0", "--temp", "9"))
        (folder / "generation_config.json").write_text(json.dumps({**hints, "do_sample": False}))
        self.assertNotEqual(draw(1, "--temp", "9"), draw(2, "--temp", "9"))
        (folder / "generation_config.json").write_text('{"top_k": "many"}')
        self.assert_fails(1, "top_k", "run", folder, "--raw", "-p", "abc")

    def test_a_broken_chat_template(self):
        folder = self.home / "model"
        shutil.copytree(GOLDEN / "llama", folder)
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        question = ["run", folder, "-p", "abc", "-n", "1"]
        for name, content, reason in (
                ("chat_template.jinja", "ab\n{% for m in %}", "line 2"),
                ("chat_template.json", '{"chat_template": 7}', "chat_template.json"),
                ("chat_template.json", '{"chat_template": [{"name": "rag", "template": "x"}]}',
                 "default")):
            with self.subTest(content=content):
                (folder / name).write_text(content)
                self.assert_fails(1, reason, *question)
                self.assert_fails(1, reason, "chat", folder, stdin="abc\n")
                self.run_cli(*question, "--raw")
                self.run_cli(*question, "--chat-template", "{{ messages[0]['content'] }}")
            (folder / name).unlink()

    def test_stop_string_and_bias(self):
        banned = self.json("run", TINY, "--raw", "-p", "abc", "-n", "1", "--temp", "0",
                           "--ignore-eos")["tokens"][0]
        other = self.json("run", TINY, "--raw", "-p", "abc", "-n", "1", "--temp", "0",
                          "--ignore-eos", "-l", f"{banned}-inf")["tokens"][0]
        self.assertNotEqual(other, banned)

    def test_a_full_context_is_told(self):
        args = ["run", TINY, "--raw", "-p", "abc", "-c", "16", "--ignore-eos", "--no-perf"]
        self.assertIn("context of 16 tokens is full", self.run_cli(*args).stderr)
        self.assertIn("context of 16 tokens is full", self.run_cli(*args, "-n", "99").stderr)
        self.assertEqual(self.run_cli(*args, "-n", "2").stderr, "")

    def test_prompt_longer_than_the_context(self):
        self.assert_fails(1, "context", "run", TINY, "--raw", "-c", "8", "-p", "x" * 100)

    def test_logits_match_the_golden_ones(self):
        tokens = (GOLDEN / "tokens.txt").read_text().split()
        out = self.home / "logits"
        self.run_cli("logits", TINY, "--tokens", ",".join(tokens), "--out", out)
        golden = (GOLDEN / "llama/logits.bin").read_bytes()
        self.assertEqual(out.stat().st_size, len(golden))
        pairs = zip(struct.iter_unpack("<f", out.read_bytes()), struct.iter_unpack("<f", golden))
        self.assertLess(max(abs(a[0] - b[0]) for a, b in pairs), 1e-3)

    def test_logits_json(self):
        out = self.home / "logits"
        report = self.json("logits", TINY, "--tokens", "1,5,9", "--out", out)
        self.assertEqual(report, {"file": str(out), "type": "F32", "n_tokens": 3, "n_vocab": 272,
                                  "bytes": out.stat().st_size})

    def test_logits_of_bad_tokens(self):
        self.assert_fails(2, "below 272", "logits", TINY, "--tokens", "1,272", "--out", self.home / "x")
        self.assertFalse((self.home / "x").exists())

    def test_eval(self):
        text = self.write("text", "the quick brown fox jumps over the lazy dog\n" * 20)
        report = self.json("eval", TINY, "-f", text, "-c", "64", "--base-exact")
        self.assertEqual(report["n_tokens"], report["n_windows"] * 31)
        self.assertGreater(report["perplexity"], 1)
        self.assertGreaterEqual(report["kl"]["max"], report["kl"]["p99"])
        self.assertLess(report["kl"]["mean"], 0.01)
        self.assertGreater(report["top1_agreement"], 0.9)
        exact = self.json("eval", TINY, "-f", text, "-c", "64", "--exact")
        self.assertAlmostEqual(exact["perplexity"], report["perplexity"] - report["delta_ppl"], 4)
        same = self.json("eval", TINY, "-f", text, "-c", "64", "--exact", "--base", TINY,
                         "--base-exact", "-t", "1")
        self.assertLess(same["kl"]["max"], 1e-6)  # kept logits are rounded
        self.assertEqual(same["top1_agreement"], 1)
        self.assertEqual(same["delta_ppl"], 0)
        plain = self.json("eval", TINY, "-f", text, "-c", "64", "--exact", "--base", TINY,
                          "--base-exact", "--no-base-cache")
        self.assertEqual(plain["kl"]["max"], 0)
        self.assert_fails(1, "at least one window", "eval", TINY, "-f", text, "-c", "4096",
                          "-q")

    def test_eval_of_several_models(self):
        text = self.write("text", "the quick brown fox jumps over the lazy dog\n" * 20)
        q8, q4 = self.home / "q8.gguf", self.home / "q4.gguf"
        self.run_cli("quantize", TINY, q8, "--type", "Q8_0")
        self.run_cli("quantize", TINY, q4, "--type", "Q4_0")
        args = ["eval", q8, q4, "--base", TINY, "-f", text, "-c", "64"]
        models = self.json(*args, "--speed")["models"]
        self.assertEqual([m["model"] for m in models], [str(q8), str(q4)])
        for path, m in zip((q8, q4), models):
            self.assertEqual(m["file_bytes"], path.stat().st_size)
            low, high = m["kl"]["mean_interval"]
            self.assertTrue(0 <= low <= m["kl"]["mean"] <= high)
            self.assertTrue(m["ppl_ratio_interval"][0] <= m["perplexity"] / m["base_perplexity"]
                            <= m["ppl_ratio_interval"][1])
            self.assertGreater(m["decode_tokens_per_s"]["median"], 0)
        self.assertLess(models[0]["kl"]["mean"], models[1]["kl"]["mean"])
        self.assertLess(models[1]["bits_per_weight"], models[0]["bits_per_weight"])
        # The base's logits are kept: the second time nothing runs it, and figures are the same.
        kept = [f for f in self.json("cache", "ls")["files"] if f["name"].endswith(".logits")]
        self.assertEqual([(f["model"], f["state"]) for f in kept], [(str(TINY), "current")])
        again = self.json("eval", q4, "--base", TINY, "-f", text, "-c", "64")
        self.assertEqual(again["kl"], models[1]["kl"])
        self.assertEqual(len([f for f in self.json("cache", "ls")["files"]
                              if f["name"].endswith(".logits")]), 1)
        direct = self.json("eval", q4, "--base", TINY, "-f", text, "-c", "64", "--no-base-cache")
        self.assertAlmostEqual(direct["kl"]["mean"], again["kl"]["mean"], 5)
        self.assertEqual(direct["top1_agreement"], again["top1_agreement"])
        table = self.run_cli(*args).stdout
        self.assertIn("q4.gguf", table)
        self.assertIn("the base's perplexity", table)
        self.run_cli("cache", "verify")
        self.run_cli("cache", "rm", kept[0]["name"])
        self.run_cli(*args, SLIPSTREAM_PACK_CACHE_LIMIT="0")
        self.assertFalse([f for f in self.json("cache", "ls")["files"]
                          if f["name"].endswith(".logits")])
        self.assert_fails(2, "--base-exact", "eval", q8, q4, "-f", text, "--base-exact")

    def test_eval_tasks(self):
        lines = [{"context": "the quick", "choices": [" brown", " x"], "answer": 0},
                 {"prompt": "abc", "answer": ["no such answer", "nor this"], "max_tokens": 4}]
        tasks = self.write("tasks.jsonl", "\n".join(map(json.dumps, lines)))
        # What the model says greedily is the right answer of one more.
        said = self.json("run", TINY, "--raw", "-p", "xyz", "-n", "4", "--temp", "0")["text"]
        exact = self.write("exact.jsonl", json.dumps({"prompt": "xyz", "answer": said, "max_tokens": 4}))
        report = self.json("eval", TINY, "--tasks", tasks)
        self.assertNotIn("perplexity", report)
        result = report["tasks"]
        self.assertEqual(result["choice"]["n"], 1)
        self.assertIn(result["choice"]["n_right"], (0, 1))
        self.assertEqual(result["exact_match"]["accuracy"], 0)
        self.assertLess(result["exact_match"]["interval"][1], 1)
        report = self.json("eval", TINY, "--tasks", exact)
        self.assertEqual(report["tasks"], {"exact_match": {
            "accuracy": 1, "stderr": 0, "interval": report["tasks"]["exact_match"]["interval"],
            "n_right": 1, "n": 1}})
        # Swapping the choices moves the answer.
        swapped = dict(lines[0], choices=[" x", " brown"])
        other = self.json("eval", TINY, "--tasks", self.write("s.jsonl", json.dumps(swapped)))
        self.assertNotEqual(other["tasks"]["choice"]["n_right"], result["choice"]["n_right"])
        self.assertIn("exact match", self.run_cli("eval", TINY, TINY, "--tasks", tasks).stdout)
        for bad, text in (('{"context": "a", "choices": ["b"], "answer": 0}', "two choices"),
                          ('{"context": "a", "choices": ["b", "c"], "answer": 2}', "one of 2 choices"),
                          ('{"prompt": "a"}', "answer"), ("[1]", "expected an object"),
                          ('{"prompt": "a", "answer": []}', "at least one"), ("", "got none"),
                          ('{"context": "", "choices": ["", "c"], "answer": 0}', "one token each")):
            self.assert_fails(1, text, "eval", TINY, "--tasks", self.write("bad.jsonl", bad), "-q")
        self.assert_fails(2, "-f FILE", "eval", TINY, "--tasks", tasks, "--base", TINY)

    def test_certificate(self):
        text = self.write("text", "the quick brown fox jumps over the lazy dog\n" * 20)
        q4, page = self.home / "q4.gguf", self.home / "report.html"
        self.run_cli("quantize", TINY, q4, "--type", "Q4_0")
        run = ["run", q4, "--raw", "-p", "abc", "-n", "2", "--temp", "0", "--require-quality"]
        answer = self.json(*run[:-1])["tokens"]
        self.assert_fails(1, "expected a record of its quality, got none", *run, "kl<=1")
        self.assert_fails(2, "kl<=X", *run, "ppl<=1")
        self.assert_fails(2, "kl<=X", *run, "")
        args = ["eval", q4, "-f", text, "-c", "64", "--certify"]
        self.assert_fails(2, "--base", *args)
        self.assert_fails(1, "two windows", *args, "--base", TINY, "--chunks", "1")
        report = self.json(*args, "--base", TINY, "--html", page)
        self.assertIn("<svg", page.read_text())
        before = q4.read_bytes()
        self.assert_fails(1, "got one of them", "eval", q4, "-f", text, "-c", "64", "--html", q4)
        self.assert_fails(1, "got one of them", "calibrate", q4, "-f", text, "-o", q4, "--force")
        self.assertEqual(q4.read_bytes(), before)
        high = report["kl"]["mean_interval"][1]
        metadata = self.json("inspect", q4)["metadata"]
        self.assertAlmostEqual(metadata["slipstream.quality.kl.high"], high, 9)
        self.assertEqual(metadata["slipstream.quality.base_file"], TINY.name)
        self.assertIn("slipstream.parent.hash", metadata)
        self.assertIn("Quality", self.run_cli("inspect", q4).stdout)
        self.assertEqual(self.json(*run, f"kl<={high * 1.01}")["tokens"], answer)
        falls_short = ("--require-quality", f"kl<={high * 0.99}")
        for command in (run[:-1], ["chat", q4], ["serve", q4, "--port", "0"]):
            done = self.run_cli(*command, *falls_short, code=1)
            self.assertIn("expected a mean KL divergence of at most", done.stderr)
        with open(q4, "r+b") as file:  # the last weight
            file.seek(-1, 2)
            last = file.read(1)[0]
            file.seek(-1, 2)
            file.write(bytes([last ^ 1]))
        self.assert_fails(1, "weights that its record was measured on", *run, "kl<=1")

    def test_bench(self):
        report = self.json("bench", TINY, "-p", "16", "-n", "4", "-npl", "1,3", "-d", "0,40", "-r", "2")
        self.assertEqual([t["test"] for t in report["tests"]],
                         ["pp16", "tg4", "tg4 b3", "pp16 d40", "tg4 d40", "tg4 b3 d40"])
        for test in report["tests"]:
            speed = test["tokens_per_s"]
            self.assertTrue(0 < speed["min"] <= speed["median"] <= speed["max"])
            self.assertIn(test["bound"], ("bandwidth", "compute"))
        self.assertTrue(all(report["peak"][k] > 0 for k in ("read_gbps", "int8_gmacs", "f32_gmacs", "bf16_gmacs")))
        self.assertGreater(report["load_ms"]["cold"], 0)
        self.assertEqual(report["peak"].get("int4_gmacs", 0) > 0, report["isa"] == "avx2")
        for share in report["lost_cpu"].values():
            self.assertTrue(share is None or 0 <= share <= 100)

    def test_bench_replays_texts(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "texts.jsonl")
            with open(path, "w") as file:
                file.write('{"name": "echo", "prompt": "one two three", "answer": "one two three"}\n\n')
                file.write('{"prompt": "four", "answer": "five six"}\n')
            report = self.json("bench", TINY, "--replay", path, "-r", "2")
            self.assertEqual([r["name"] for r in report["replays"]], ["echo", "texts.jsonl:3"])
            for replay in report["replays"]:
                self.assertTrue(replay["gain"] > 0 and replay["plain_tokens_per_s"]["min"] > 0)
                self.assertLessEqual(replay["n_accepted"], replay["n_drafted"])
            self.assertIn("| echo ", self.run_cli("bench", TINY, "--replay", path, "-r", "1").stdout)
            self.assert_fails(2, "expected -o md or json", "bench", TINY, "--replay", path, "-o", "csv")
            with open(path, "a") as file:
                file.write('{"prompt": "four"}\n')
            self.assert_fails(1, "texts.jsonl:4", "bench", TINY, "--replay", path)
        self.assert_fails(1, "missing.jsonl", "bench", TINY, "--replay", "missing.jsonl")

    def test_bench_runs_every_test_before_it_repeats_one(self):
        args = ["bench", TINY, "-p", "0", "-n", "1", "-npl", "1,2", "-d", "64,0,33", "-r", "3"]
        names = [t["test"] for t in self.json(*args)["tests"]]
        self.assertEqual(names, [f"tg1{b}{d}" for d in (" d64", "", " d33") for b in ("", " b2")])

    def test_more_sequences_than_tokens_of_each(self):
        report = self.json("bench", TINY, "-p", "0", "-n", "2", "-npl", "16", "-r", "1")
        self.assertEqual([t["test"] for t in report["tests"]], ["tg2 b16"])


class Profile(CliTest):
    ARGS = ["profile", TINY, "-p", "40", "-n", "3", "-npl", "2", "-d", "5"]

    def test_json(self):
        report = self.json(*self.ARGS, "-t", "2")
        self.assertEqual((report["threads"], len(report["phases"])), (2, 2))
        self.assertGreater(report["peak"]["read_gbps"], 0)
        for phase, name, n_tokens in zip(report["phases"], ("prefill", "decode"), (40, 6)):
            self.assertEqual((phase["phase"], phase["n_tokens"]), (name, n_tokens))
            ops = {op["op"]: op for op in phase["ops"]}
            self.assertEqual("norm+quantise" in ops, name == "prefill")
            self.assertEqual("kv store" in ops, name == "prefill")
            for op in ("embed", "qkv", "attention", "o", "gate+up", "down", "lm_head"):
                self.assertGreater(ops[op]["bytes"], 0)
                self.assertGreater(ops[op]["fraction_of_roof"], 0)
            self.assertEqual("sampling" in ops, name == "decode")
            self.assertAlmostEqual(sum(op["ms"] for op in ops.values()) + phase["outside_ms"],
                                   phase["ms"], 3)
            for thread in phase["threads"]:
                self.assertAlmostEqual(sum(thread.values()), phase["ms"], 3)
            gains = [b["gain"] for b in phase["bottlenecks"]]
            self.assertEqual(gains, sorted(gains, reverse=True))

    def test_text(self):
        out = self.run_cli(*self.ARGS).stdout
        for text in ("prefill (pp40 d5): ", "decode (tg3 b2 d5): ", "\nlm_head ", "Bottlenecks\n",
                     "\nthread 0 ", "spans cost"):
            self.assertIn(text, out)
        self.assertNotIn("\033", out)
        self.assertNotIn("prefill", self.run_cli("profile", TINY, "-p", "0", "-n", "1").stdout)
        self.assertNotIn("decode", self.run_cli("profile", TINY, "-p", "4", "-n", "0").stdout)

    def test_trace(self):
        file = self.home / "trace.json"
        self.json(*self.ARGS, "--trace", file)
        events = json.loads(file.read_text())
        self.assertEqual({e["ph"] for e in events}, {"X"})
        self.assertEqual({e["pid"] for e in events}, {1, 2})
        self.assertTrue(all(e["ts"] >= 0 and e["dur"] >= 0 for e in events))
        ops = [e for e in events if e["cat"] == "op"]
        self.assertIn("attention", {e["name"] for e in ops})
        self.assertIn(0, {e["args"]["layer"] for e in ops})

    def test_a_trace_that_cannot_be_written(self):
        self.assert_fails(1, "missing", *self.ARGS, "--trace", self.home / "missing/trace.json")
        self.assert_fails(1, str(self.home), *self.ARGS, "--trace", self.home)

    def test_a_failure_leaves_no_trace(self):
        file = self.home / "trace.json"
        self.assert_fails(1, "absent", "profile", self.home / "absent.gguf", "--trace", file)
        self.assertEqual(list(self.home.glob("trace*")), [])


class LongContext(CliTest):
    def test_a_context_beyond_the_models_is_noted(self):
        trained = self.json("inspect", TINY)["metadata"]["llama.context_length"]
        text = lambda n: f"note: context {n} exceeds the {trained} that the model was"  # noqa: E731
        run = ["run", TINY, "--raw", "-p", "abc", "-n", "2", "-c"]
        self.assertIn(text(trained + 1), self.run_cli(*run, trained + 1).stderr)
        self.assertNotIn("exceeds", self.run_cli(*run, trained).stderr)
        self.assertNotIn("exceeds", self.run_cli(*run, trained + 1, "-q").stderr)
        bench = ["bench", "-m", TINY, "-n", "0", "-r", "1", "-p"]
        self.assertIn(text(trained + 8), self.run_cli(*bench, "8", "-d", trained).stderr)
        self.assertNotIn("exceeds", self.run_cli(*bench, "8").stderr)


class BenchFormats(CliTest):
    def test_each(self):
        args = ["bench", TINY, "-p", "0", "-n", "2", "-r", "1"]
        table = self.run_cli(*args).stdout.splitlines()
        self.assertEqual(len({line.count("|") for line in table[:3]}), 1)
        self.assertEqual(len(self.run_cli(*args, "-o", "csv").stdout.splitlines()), 2)
        line = json.loads(self.run_cli(*args, "-o", "jsonl").stdout)
        self.assertEqual(line["test"], "tg2")
        model = self.home / "it's.gguf"
        shutil.copy(TINY, model)
        database = sqlite3.connect(":memory:")
        self.addCleanup(database.close)
        for _ in range(2):
            database.executescript(self.run_cli("bench", model, *args[2:], "-o", "sql").stdout)
        rows = database.execute("SELECT model, test, median_ts > 0 FROM slipstream_bench")
        self.assertEqual(rows.fetchall(), [(str(model), "tg2", 1)] * 2)


class RealModel(CliTest):
    def test_it_knows_the_capital_of_france(self):
        model = smollm2()
        question = "What is the capital of France?"
        args = ["run", "-m", model, "-n", "40", "--temp", "0"]
        self.assertEqual(self.run_cli(*args, "-p", question).stdout,
                         "The capital of France is Paris.\n")
        report = self.json(*args, stdin=question)
        self.assertEqual(report["text"], "The capital of France is Paris.")
        self.assertEqual(report["finish_reason"], "stop")

    def test_a_last_newline_is_no_part_of_the_message(self):
        question = "What is the capital of France?"
        for ending in ("\n", "\r\n"):
            done = self.run_cli("run", "-m", smollm2(), "--temp", "0", stdin=question + ending)
            self.assertEqual(done.stdout, "The capital of France is Paris.\n")
        count = lambda *args, **kw: json.loads(  # noqa: E731
            self.run_cli("run", "-m", smollm2(), "-n", "1", "--json", *args, **kw).stdout
        )["usage"]["prompt_tokens"]
        self.assertGreater(count("--raw", stdin="ab\n"), count("--raw", stdin="ab"))
        self.assertGreater(count("-p", "ab\n"), count("-p", "ab"))
        self.assertGreater(count(stdin="ab\n\n"), count(stdin="ab\n"))

    def test_raw_continues(self):
        out = self.run_cli("run", "-m", smollm2(), "--raw", "-p", "The capital of France is", "-n",
                           "3", "--temp", "0").stdout
        self.assertIn("Paris", out)

    def test_two_turns(self):
        saved = self.home / "chat.json"
        turns = ("What is the capital of France?\n/stats\nThank you.\n"
                 f"/save {saved}\n/reset\n/load {saved}\n/stats\n/nonsense\n/exit\nnever read\n")
        done = self.run_cli("chat", "-m", smollm2(), "--temp", "0", "-n", "40", "-v", stdin=turns,
                            code=1)  # for the nonsense
        self.assertEqual(done.stdout.splitlines()[0], "The capital of France is Paris.")
        self.assertRegex(done.stderr, r"\(\+\d+ cached\)")
        self.assertIn("unknown command /nonsense", done.stderr)
        messages = json.loads(saved.read_text())["messages"]
        self.assertEqual([m["role"] for m in messages], ["user", "assistant"] * 2)
        self.assertEqual(saved.stat().st_mode & 0o777, 0o600)

    def test_chat_tells_what_failed(self):
        chat = ["chat", "-m", smollm2(), "-n", "1", "-c", "64"]
        self.run_cli(*chat, stdin="Hello\n/stats\n")
        self.run_cli(*chat, stdin="word " * 200 + "\nHello\n", code=1)
        self.run_cli(*chat, stdin="/load /nowhere\nHello\n", code=1)
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, *map(str, chat)], input=b"Hello\n", stdout=full,
                                  stderr=subprocess.PIPE, timeout=60, env=self.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output: cannot write", done.stderr)

    def test_ctrl_c_stops_the_answer(self):
        command = [PROGRAM, "run", "-m", str(smollm2()), "--raw", "-p", "Once upon a time",
                   "--ignore-eos", "-n", "8000"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment) as process:
            self.assertTrue(process.stdout.read(1))
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn(b"first token", errors)

    def test_ctrl_c_and_json(self):
        command = [PROGRAM, "run", "-m", str(smollm2()), "--raw", "-p", "Once upon a time",
                   "--ignore-eos", "-n", "8000", "--json", "-v"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment) as process:
            self.assertIn(b"prompt tokens", process.stderr.readline())
            time.sleep(0.5)  # from there the program listens
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(json.loads(output)["finish_reason"], "cancelled")

    def test_ctrl_c_before_the_first_token(self):
        prompt = self.write("prompt", "Once upon a time there was a model. " * 600)
        for json_flag in ([], ["--json"]):
            command = [PROGRAM, "run", "-m", str(smollm2()), "--raw", "-f", str(prompt), "-v", "-b",
                       "64", *json_flag]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=self.environment) as process:
                n_prompt = int(process.stderr.readline().split()[2])
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
                output, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130)
            if json_flag:
                self.assertIsNone(json.loads(output)["timings"]["ttft_ms"])
            else:
                self.assertNotIn(b"first token", errors)
                n_done, = re.findall(rf"prefill (\d+) tokens, .* \(of {n_prompt}\)", errors.decode())
                self.assertLess(int(n_done), n_prompt)

    def test_a_reader_that_goes_away(self):
        command = [PROGRAM, "run", "-m", str(smollm2()), "--raw", "-p", "Once upon a time",
                   "--ignore-eos", "-n", "8000", "--no-perf"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment) as process:
            process.stdout.read(1)
            process.stdout.close()
            self.assertEqual(process.wait(timeout=60), 1)
            self.assertEqual(process.stderr.read(), b"")

    def chat_at_a_terminal(self, *args):
        return self.at_a_terminal("chat", "-m", smollm2(), "--temp", "0", *args)

    def test_ctrl_c_before_the_answer_forgets_the_message(self):
        process, master = self.chat_at_a_terminal("-sys", "Be very brief. " * 1200)
        self.read_until(master, b"> ")
        os.write(master, b"Hello there!\n")
        self.read_until(master, b"there!\r\n")
        time.sleep(0.5)  # some way into the system message
        os.write(master, b"\x03")
        self.read_until(master, b"> ", after=b"forgotten")
        os.write(master, b"/stats\n")
        self.assertIn(b" 1 messages", self.read_until(master, b"> ", after=b"messages"))
        os.write(master, b"\x04")
        self.assertEqual(process.wait(timeout=60), 0)

    def test_chat_at_a_terminal(self):
        process, master = self.chat_at_a_terminal()
        for _ in range(5):  # Ctrl-C at the prompt gives the line up, however early it comes
            self.read_until(master, b"> ")
            os.write(master, b"half a li\x03")
        self.read_until(master, b"> ")
        os.write(master, b"What is the capital of France?\n")
        self.read_until(master, b"> ", after=b"of France is Paris.")
        os.write(master, b"Tell me a very long story.\n")
        self.read_until(master, b" ", after=b"The story")
        os.write(master, b"\x03")  # stops the answer and not the program
        self.read_until(master, b"> ")
        os.write(master, b"/stats\n")
        self.assertIn(b"4 messages", self.read_until(master, b"> ", after=b"messages"))
        os.write(master, b"\x04")
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertIn("capital", (self.home / "state/slipstream/history").read_text())

    def test_eval_on_a_short_text(self):
        text = self.write("text", "The quick brown fox jumps over the lazy dog. " * 30)
        report = self.json("eval", "-m", smollm2(), "-f", text, "-c", "128", "--chunks", "1")
        self.assertEqual(report["n_tokens"], 63)
        self.assertLess(report["perplexity"], 10)

    def test_bench(self):
        report = self.json("bench", "-m", smollm2(), "-p", "16", "-n", "4", "-r", "1")
        self.assertEqual(len(report["tests"]), 2)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
