"""`slipstream preprocess` as its users call it, and as they kill it."""
import json
import random
import resource
import signal
import subprocess
import time
import unittest

from cli_support import PROGRAM, TINY, CliTest


def documents(n_bytes, seed=1):
    draw = random.Random(seed)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(5000)]
    texts, size = [], 0
    while size < n_bytes:
        repeats = texts and draw.random() < 0.1
        texts.append(draw.choice(texts) if repeats else " ".join(draw.choices(words, k=300)))
        size += len(texts[-1])
    return texts


def files_of(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


class Preprocess(CliTest):
    def setUp(self):
        super().setUp()
        self.corpus = self.home / "corpus"

    def args(self, *files, out=None):
        sources = [word for file in files for word in ("-f", file)]
        return ["preprocess", "-m", TINY, *sources, "-o", out or self.corpus]

    def test_text_and_json_lines(self):
        text = self.write("a.txt", "first one\r\nand more\n\nsecond\x01 one\n\nfirst one\nand more\n")
        lines = self.write("b.jsonl", '{"text": "third\\n\\none"}\n{"text": 3}\n{"text": "second one"}\n')
        report = self.json(*self.args(text, lines), "-q")
        counts = report["statistics"]
        self.assertEqual(counts["documents_read"], 6)
        self.assertEqual(counts["documents_kept"], 3)
        self.assertEqual(counts["dropped_duplicate"], 2)
        self.assertEqual(counts["dropped_malformed"], 1)
        index = json.loads((self.corpus / "index.json").read_text())
        self.assertEqual(index["statistics"], counts)
        tokens = sum(len(self.json("tokenize", "-m", TINY, "--no-special", "-p", t)["tokens"]) + 1
                     for t in ("first one\nand more", "second one", "third\n\none"))
        self.assertEqual(index["n_tokens"], tokens)
        shown = self.run_cli(*self.args(text, lines), "--force").stdout
        self.assertIn("6 read, 3 kept", shown)

    def test_eval_takes_a_corpus(self):
        text = self.write("a.txt", "\n\n".join(documents(20_000)))
        self.run_cli(*self.args(text), "--shard-tokens", "1000")
        first = self.json("eval", "-m", TINY, "-f", self.corpus, "-c", "64", "--chunks", "4", "-q")
        self.assertEqual(first["n_windows"], 4)
        again = self.json("eval", "-m", TINY, "-f", self.corpus, "-c", "64", "-q")
        self.assertGreater(again["n_windows"], 4)
        self.assert_fails(1, "folder without index.json", "eval", "-m", TINY, "-f", self.home,
                          "-c", "64")
        shard = self.corpus / "shard-00001.bin"
        damaged = bytearray(shard.read_bytes())
        damaged[100] ^= 1
        shard.write_bytes(damaged)
        self.assert_fails(1, "checksum", "eval", "-m", TINY, "-f", self.corpus, "-c", "64", "-q")

    def test_trim_vocab(self):
        text = self.write("a.txt", "hello there")
        target = self.home / "trimmed.gguf"
        report = self.json("trim-vocab", TINY, target, "-f", text)
        self.assertLess(report["target"]["n_tokens"], report["source"]["n_tokens"])
        tokens = [self.json("tokenize", "-m", model, "--no-special", "-f", text)["pieces"]
                  for model in (TINY, target)]
        self.assertEqual(tokens[0], tokens[1])
        answer = self.json("run", "-m", target, "-p", "hello", "-n", "4", "--temp", "0")
        self.assertGreater(len(answer["tokens"]), 0)
        self.assert_fails(2, "expected -f FILE", "trim-vocab", TINY, target)
        self.assert_fails(1, "expected no such file yet", "trim-vocab", TINY, target, "-f", text)
        self.assert_fails(1, "got one of them", "trim-vocab", TINY, text, "-f", text, "--force")
        self.assertEqual(text.read_text(), "hello there")

    def test_wrong_use(self):
        text = self.write("a.txt", "one\n")
        self.assert_fails(2, "expected -f FILE", "preprocess", "-m", TINY, "-o", self.corpus)
        self.assert_fails(2, "expected -o FOLDER", "preprocess", "-m", TINY, "-f", text)
        self.assert_fails(2, "--documents", *self.args(text), "--documents", "pages")
        self.assert_fails(1, "nowhere.txt", *self.args(self.home / "nowhere.txt"))
        self.run_cli(*self.args(text))
        self.assert_fails(1, "expected no corpus yet", *self.args(text))

    def test_killed_at_any_time_it_goes_on_to_the_same_bytes(self):
        text = self.write("a.txt", "\n\n".join(documents(24 << 20)))
        before = text.read_bytes()
        settings = ("--shard-tokens", "200000", "-t", "2")
        start = time.monotonic()
        self.run_cli(*self.args(text, out=self.home / "whole"), *settings)
        whole_s = time.monotonic() - start
        draw = random.Random(7)
        n_killed = 0
        for _ in range(6):
            process = subprocess.Popen([PROGRAM, *map(str, self.args(text)), *settings],
                                       env=self.environment, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                process.wait(whole_s * draw.uniform(0.2, 0.6))
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                n_killed += 1
            self.assertFalse((self.corpus / "index.json").exists())
        self.assertGreater(n_killed, 0)
        if not (self.corpus / "index.json").exists():
            self.run_cli(*self.args(text), *settings)
        self.assertEqual(files_of(self.corpus), files_of(self.home / "whole"))
        self.assertEqual(text.read_bytes(), before)

    def test_a_full_disk_is_an_error_and_the_run_goes_on_later(self):
        text = self.write("a.txt", "\n\n".join(documents(300_000)))
        limit = 50_000
        done = subprocess.run(
            [PROGRAM, *map(str, self.args(text))], capture_output=True, encoding="utf-8",
            env=self.environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("shard-00000.bin: cannot write", done.stderr)
        self.assertEqual(files_of(self.corpus), {})
        self.run_cli(*self.args(text))
        self.assertTrue((self.corpus / "index.json").exists())


if __name__ == "__main__":
    unittest.main()
