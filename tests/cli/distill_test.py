"""`slipstream distill` as its users call it; the training itself only where the build has it."""
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from cli_support import PROGRAM, TINY, CliTest

COMPANION = pathlib.Path(PROGRAM).with_name("slipstream-distill")


class Distill(CliTest):
    def setUp(self):
        super().setUp()
        self.text = self.home / "text.txt"
        self.text.write_text("hello world, the well fell; hell yellow bells. " * 80)
        self.target = self.home / "student.gguf"
        self.options = ["distill", "--teacher", TINY, "-f", self.text, "-o", self.target]

    def test_wrong_use(self):
        self.assert_fails(2, "expected --teacher", "distill")
        self.assert_fails(2, "got neither", *self.options)
        self.assert_fails(2, "got both", *self.options, "--steps", "3", "--minutes", "1")
        self.assert_fails(2, "--continue-after", *self.options, "--steps", "3", "--window", "16",
                          "--continue-after", "16")
        self.assert_fails(2, "--shape", *self.options, "--steps", "3", "--student", TINY,
                          "--shape", "layers=1")

    def test_says_what_is_missing(self):
        alone = self.home / "slipstream"
        shutil.copy(PROGRAM, alone)
        done = subprocess.run([alone, *self.options, "--steps", "1"], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        for part in ("slipstream-distill", "libtorch-dev", "-DSLIP_DISTILL=ON"):
            self.assertIn(part, done.stderr)

    @unittest.skipUnless(COMPANION.exists(), "built without slipstream-distill")
    def test_trains_a_model_that_runs(self):
        training = [*self.options, "--window", "32", "--held-out", "4", "--batch", "2", "--steps",
                    "12", "--warmup", "2", "--eval-every", "4", "--top-k", "16", "-t", "1"]
        plot = self.home / "curve.svg"
        report = self.json(*training, "--drop-layers", "1", "--plot", plot)
        self.assertEqual(report["steps"], 12)
        self.assertLess(report["after"]["loss"], report["before"]["loss"])
        self.assertIn("</svg>", plot.read_text())
        answer = self.json("run", "-m", self.target, "-p", "hello", "-n", "4", "--temp", "0")
        self.assertGreater(len(answer["tokens"]), 0)
        self.assert_fails(1, "--force", *training, "--drop-layers", "1")
        new = self.json(*training, "--force", "--shape",
                        "layers=1,width=32,heads=2,kv-heads=1,ffn=32")
        self.assertLess(new["after"]["kl"], new["before"]["kl"])

    @unittest.skipUnless(COMPANION.exists(), "built without slipstream-distill")
    def test_goes_on_after_kill(self):
        options = [*self.options, "--window", "32", "--held-out", "4", "--batch", "2", "--steps",
                   "200", "--warmup", "2", "--patience", "1000", "--drop-layers", "1", "-t", "1",
                   "--eval-every", "50"]
        options += ["--checkpoint-every", "1"]
        checkpoint = self.home / "student.gguf.checkpoint"
        process = subprocess.Popen([PROGRAM, *options], stderr=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, env=self.environment)
        deadline = time.monotonic() + 60
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertTrue(checkpoint.exists())
        killed = self.run_cli(*options)
        self.assertIn("going on from", killed.stderr)
        self.assertIn("200 steps", killed.stdout)
        whole = self.home / "whole.gguf"
        options[options.index(self.target)] = whole
        self.run_cli(*options)
        self.assertEqual(whole.read_bytes(), self.target.read_bytes())


if __name__ == "__main__":
    unittest.main()
