"""`slipstream prune` as its users call it."""
import unittest

from cli_support import TINY, CliTest


class Prune(CliTest):
    def setUp(self):
        super().setUp()
        self.target = self.home / "out.gguf"

    def test_makes_a_model_that_runs(self):
        for what in (("--layers", "1"), ("--ffn-channels", "25%"), ("--heads", "0.5"),
                     ("--kv-groups", "50%"), ("--zeros", "50%", "--scope", "row"),
                     ("--pattern", "2:4")):
            report = self.json("prune", TINY, self.target, *what, "--force", "-q")
            self.assertEqual(report["target"]["file_bytes"], self.target.stat().st_size)
            shown = self.json("inspect", self.target)
            self.assertEqual(shown["metadata"]["slipstream.parent.hash"], report["parent_hash"])
            answer = self.json("run", "-m", self.target, "-p", "hello", "-n", "4", "--temp", "0")
            self.assertGreater(len(answer["tokens"]), 0)

    def test_text(self):
        done = self.run_cli("prune", TINY, self.target, "--layers", "0", "--zeros", "10%", "-t", "2")
        self.assertIn("M weights", done.stdout)
        self.assertIn("of the layers' weights are zero", done.stdout)

    def test_wrong_use(self):
        self.assert_fails(2, "nothing to prune", "prune", TINY, self.target)
        self.assert_fails(2, "no file to write", "prune", TINY, "--layers", "0")
        self.assert_fails(2, "below 100 %", "prune", TINY, self.target, "--ffn-channels", "100%")
        self.assert_fails(2, "expected N:M", "prune", TINY, self.target, "--pattern", "4:2")
        self.assert_fails(2, "no --zeros beside it", "prune", TINY, self.target, "--pattern", "2:4",
                          "--zeros", "50%")
        self.assert_fails(1, "layer 99", "prune", TINY, self.target, "--layers", "99")
        self.assert_fails(2, "got 4294967297", "prune", TINY, self.target, "--layers", 2**32 + 1)
        empty = self.home / "empty.txt"
        empty.write_text("")
        self.assert_fails(1, "expected a text, got nothing", "prune", TINY, self.target, "--ffn-channels",
                          "25%", "-f", empty)
        self.assert_fails(1, "got the source", "prune", TINY, TINY, "--layers", "0", "--force")
        self.assertFalse(self.target.exists())


if __name__ == "__main__":
    unittest.main()
