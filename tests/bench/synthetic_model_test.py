"""tools/make-synthetic-model: files that the program reads, with weights of the promised size."""
import importlib.machinery
import importlib.util
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["SLIPSTREAM_PROGRAM"]
ROOT = pathlib.Path(__file__).parents[2]
TOOL = ROOT / "tools/make-synthetic-model"
# A real vocabulary of a few hundred tokens.
VOCAB = ROOT / "tests/data/golden/llama/model.gguf"


def load_tool():
    loader = importlib.machinery.SourceFileLoader("make_synthetic_model", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


tool = load_tool()


def q4_0(block):
    (d,) = struct.unpack_from("<e", block)
    for byte in block[2:]:
        yield from (d * ((byte & 15) - 8), d * ((byte >> 4) - 8))


def q8_0(block):
    (d,) = struct.unpack_from("<e", block)
    return [d * q for q in struct.unpack_from("<32b", block, 2)]


def q4_k(block):
    d, dmin = struct.unpack_from("<2e", block)
    s = block[4:16]
    for j in range(8):
        if j < 4:
            scale, minimum = s[j] & 63, s[j + 4] & 63
        else:
            scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4
            minimum = (s[j + 4] >> 4) | (s[j] >> 6) << 4
        for byte in block[16 + j // 2 * 32:48 + j // 2 * 32]:
            yield d * scale * (byte >> j % 2 * 4 & 15) - dmin * minimum


def q6_k(block):
    """Every code meets its scale; the order within the block doesn't matter here."""
    (d,) = struct.unpack_from("<e", block, 208)
    scales = struct.unpack_from("<16b", block, 192)
    for half in range(2):
        low, high = block[half * 64:half * 64 + 64], block[128 + half * 32:160 + half * 32]
        for part in range(4):
            for i in range(32):
                nibble = low[i + part % 2 * 32] >> part // 2 * 4 & 15
                code = nibble | (high[i] >> part * 2 & 3) << 4
                yield d * scales[half * 8 + part * 2 + i // 16] * (code - 32)


DECODERS = {"q4_0": q4_0, "q8_0": q8_0, "q4_k": q4_k, "q6_k": q6_k,
            "f16": lambda block: struct.unpack("<e", block),
            "bf16": lambda block: struct.unpack("<f", b"\0\0" + block)}


class SyntheticModel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="slipstream-synthetic-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, mix, *more, name="model.gguf", code=0, vocab=VOCAB):
        path = self.folder / name
        done = subprocess.run([sys.executable, TOOL, "--shape", "tiny", "--mix", mix, "--vocab",
                               vocab, *more, path], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return path if code == 0 else done.stderr

    def run_program(self, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL,
                              env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_standard_deviations(self):
        for name, decode in DECODERS.items():
            kind = tool.TYPES[name]
            n = max(2000 * 32 // kind.elements, 500)
            data = b"".join(tool.random_blocks(random.Random(3), kind, n))
            self.assertEqual(len(data), n * kind.size, name)
            values = [value for i in range(n)
                      for value in decode(data[i * kind.size:(i + 1) * kind.size])]
            mean = sum(values) / len(values)
            std = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
            self.assertAlmostEqual(std, tool.STD, delta=0.1 * tool.STD, msg=name)
            # Q4_0's codes are from -8 to 7, so half a step off.
            self.assertLess(abs(mean), 0.12 * tool.STD, name)

    def test_read_and_computed_by_the_program(self):
        types = {"q4_0": "Q4_0", "q8_0": "Q8_0", "q4_k_m": "Q4_K", "f16": "F16", "bf16": "BF16"}
        for mix, base in types.items():
            path = self.make(mix)
            found = json.loads(self.run_program("inspect", path, "--json", "--full"))
            by_name = {tensor["name"]: tensor for tensor in found["tensors"]}
            self.assertEqual(by_name["blk.0.attn_q.weight"]["type"], base)
            n_vocab = len(found["metadata"]["tokenizer.ggml.tokens"])
            self.assertEqual(by_name["token_embd.weight"]["shape"], [256, n_vocab])
            self.assertEqual(found["metadata"]["llama.vocab_size"], n_vocab)
            out = self.folder / "logits"
            self.run_program("logits", "-m", path, "--tokens", "1,2,3", "--out", out)
            logits = struct.unpack(f"<{3 * n_vocab}f", out.read_bytes())
            self.assertTrue(all(math.isfinite(value) for value in logits), mix)
            self.assertGreater(max(logits) - min(logits), 0.1, mix)

    def test_same_seed_same_file(self):
        one = self.make("q4_0", name="one").read_bytes()
        self.assertEqual(one, self.make("q4_0", name="two").read_bytes())
        self.assertNotEqual(one, self.make("q4_0", "--seed", "2", name="three").read_bytes())
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(names, ["one", "three", "two"])

    def test_types_of_the_real_models(self):
        def size(shape, mix):
            return sum(tensor.n_bytes()
                       for tensor in tool.tensors_of(tool.SHAPES[shape], mix, 128256))
        # Published files of the real models have 0.77 and 4.92 GB.
        self.assertAlmostEqual(size("1b", "q4_0") / 0.77e9, 1, delta=0.02)
        self.assertAlmostEqual(size("8b", "q4_k_m") / 4.92e9, 1, delta=0.01)

    def test_bad_vocabulary(self):
        self.assertIn("there is no", self.make("q4_0", code=1, vocab=self.folder / "none"))
        whole = VOCAB.read_bytes()
        cut = self.folder / "cut"
        for data in (b"", b"nonsense" * 9, whole[:300], whole[:2000]):
            cut.write_bytes(data)
            message = self.make("q4_0", code=1, vocab=cut)
            self.assertIn("expected a vocabulary in GGUF", message)
            self.assertNotIn("Traceback", message)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["cut"])


if __name__ == "__main__":
    unittest.main()
