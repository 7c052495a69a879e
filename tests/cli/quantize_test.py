"""`slipstream quantize` as its users call it."""
import resource
import subprocess
import unittest

from cli_support import PROGRAM, TINY, CliTest, smollm2


class Quantize(CliTest):
    def setUp(self):
        super().setUp()
        self.target = self.home / "out.gguf"

    def test_makes_a_model_that_runs(self):
        for name in ("Q8_0", "q4_k_m", "F16"):
            report = self.json("quantize", TINY, self.target, "--type", name, "--force", "-q")
            self.assertEqual(report["type"], name.upper())
            self.assertEqual(report["target"]["file_bytes"], self.target.stat().st_size)
            shown = self.json("inspect", self.target)
            self.assertEqual(shown["metadata"]["slipstream.quantize.type"], name.upper())
            self.assertEqual(shown["metadata"]["slipstream.parent.hash"], report["parent_hash"])
            self.assertAlmostEqual(shown["bits_per_weight"], report["target"]["bits_per_weight"], 3)
            answer = self.json("run", "-m", self.target, "-p", "hello", "-n", "4", "--temp", "0")
            self.assertGreater(len(answer["tokens"]), 0)

    def test_text(self):
        done = self.run_cli("quantize", TINY, self.target, "--type", "Q4_K_M", "-t", "2")
        self.assertIn("bits a weight", done.stdout)
        self.assertIn("smaller blocks", done.stderr)
        again = self.home / "again.gguf"
        self.assertIn("quantised already",
                      self.run_cli("quantize", self.target, again, "--type", "Q4_0").stderr)

    def test_types_by_name(self):
        self.run_cli("quantize", TINY, self.target, "--type", "Q8_0", "--tensor-type", "attn_v=F16",
                     "--tensor-type", r"blk\.0\.ffn=BF16", "--token-embedding-type", "f32")
        types = {t["name"]: t["type"] for t in self.json("inspect", self.target)["tensors"]}
        self.assertEqual(types["blk.1.attn_v.weight"], "F16")
        self.assertEqual(types["blk.0.ffn_up.weight"], "BF16")
        self.assertEqual(types["blk.1.ffn_up.weight"], "Q8_0")
        self.assertEqual(types["token_embd.weight"], "F32")

    def test_calibrated(self):
        text = self.write("text.txt", "hello, the whale hails all " * 20)
        imatrix = self.home / "imatrix.gguf"
        done = self.json("calibrate", "-m", TINY, "-f", text, "-c", "64", "--chunks", "2", "-o", imatrix)
        self.assertEqual((done["n_windows"], done["n_tokens"]), (2, 128))
        self.assertEqual(self.json("inspect", imatrix)["metadata"]["general.type"], "imatrix")
        self.assert_fails(1, "got one", "calibrate", "-m", TINY, "-f", text, "-c", "64", "-o", imatrix)
        self.run_cli("quantize", TINY, self.target, "--type", "Q4_0", "--imatrix", imatrix)
        shown = self.json("inspect", self.target)["metadata"]
        self.assertEqual(shown["quantize.imatrix.file"], str(imatrix))
        self.assertEqual(shown["quantize.imatrix.dataset"], str(text))
        plain = self.home / "plain.gguf"
        self.run_cli("quantize", TINY, plain, "--type", "Q4_0")
        self.assertNotEqual(plain.read_bytes(), self.target.read_bytes())

    def test_wrong_calibration(self):
        text = self.write("text.txt", "hello")
        imatrix = self.home / "imatrix.gguf"
        self.assert_fails(2, "-f FILE", "calibrate", "-m", TINY, "-o", imatrix)
        self.assert_fails(2, "-o FILE", "calibrate", "-m", TINY, "-f", text)
        self.assert_fails(1, "at least one window", "calibrate", "-m", TINY, "-f", text, "-c", "64",
                          "-o", imatrix)
        self.assertFalse(imatrix.exists())
        self.assert_fails(1, "expected 'imatrix'", "quantize", TINY, self.target, "--type", "Q4_0",
                          "--imatrix", TINY)
        self.assertFalse(self.target.exists())

    def test_wrong_use(self):
        self.assert_fails(2, "did you mean Q4_K_M", "quantize", TINY, self.target, "--type", "Q4_KM")
        self.assert_fails(2, "expected --type", "quantize", TINY, self.target)
        self.assert_fails(2, "no file to write", "quantize", TINY, "--type", "Q8_0")
        self.assert_fails(2, "PATTERN=TYPE", "quantize", TINY, self.target, "--type", "Q8_0",
                          "--tensor-type", "attn_v")
        self.assertFalse(self.target.exists())

    def test_bad_files(self):
        self.assert_fails(1, "nowhere.gguf", "quantize", self.home / "nowhere.gguf", self.target,
                          "--type", "Q8_0")
        self.assert_fails(1, "safetensors", "quantize", TINY.parent, self.target, "--type", "Q8_0")
        mine = self.write("mine.gguf", "mine")
        self.assert_fails(1, "got one", "quantize", TINY, mine, "--type", "Q8_0")
        self.assertEqual(mine.read_text(), "mine")
        self.assert_fails(1, "got the source", "quantize", TINY, TINY, "--type", "Q8_0", "--force")
        self.assert_fails(1, "no/such", "quantize", TINY, self.home / "no/such/out.gguf", "--type",
                          "Q8_0")

    def test_a_file_that_cannot_be_written_leaves_nothing(self):
        limit = 4096
        done = subprocess.run(
            [PROGRAM, "quantize", TINY, self.target, "--type", "F32"], capture_output=True,
            encoding="utf-8", env=self.environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("slipstream: error: ", done.stderr)
        self.assertEqual([p for p in self.home.iterdir() if p.name.startswith("out")], [])

    def test_the_same_bytes_for_any_number_of_threads(self):
        files = []
        for threads in ("1", "3"):
            self.run_cli("quantize", smollm2(), self.target, "--type", "Q3_K_M", "-t", threads,
                         "--force")
            files.append(self.target.read_bytes())
        self.assertEqual(files[0], files[1])

    def test_other_readers(self):
        try:
            import gguf
        except ImportError:
            self.skipTest("needs the PyPI package gguf")
        self.run_cli("quantize", TINY, self.target, "--type", "Q8_0")
        before, after = gguf.GGUFReader(TINY), gguf.GGUFReader(self.target)
        self.assertEqual([t.name for t in before.tensors], [t.name for t in after.tensors])
        for old, new in zip(before.tensors, after.tensors):
            values = gguf.quants.dequantize(new.data, new.tensor_type)
            wanted = gguf.quants.dequantize(old.data, old.tensor_type)
            self.assertLess(abs(values - wanted).max(), 0.01 * abs(wanted).max() + 1e-6)


if __name__ == "__main__":
    unittest.main()
