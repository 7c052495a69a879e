"""The files of packed weights, as users see them."""
import subprocess
import unittest

from cli_support import PROGRAM, TIMEOUT_S, TINY, CliTest

RUN = ["run", TINY, "--raw", "-p", "abc", "-n", "4", "--temp", "0", "--ignore-eos", "--json"]


class Cache(CliTest):
    def tokens(self, *more, **environment):
        return self.json(*RUN[:-1], *more, **environment)["tokens"]

    def files(self):
        return self.json("cache", "ls")["files"]

    def packed(self):
        return self.home / "cache/slipstream/packed"

    def test_written_once_and_used(self):
        self.assertEqual(self.files(), [])
        first = self.tokens()
        self.assertEqual([p.name for p in self.packed().iterdir()], [f["name"] for f in self.files()])
        (file,) = self.files()
        self.assertEqual(file["state"], "current")
        self.assertEqual(file["model"], str(TINY))
        path = self.packed() / file["name"]
        self.assertEqual(path.stat().st_size, file["bytes"])
        before = path.stat()
        self.assertEqual(self.tokens(), first)
        self.assertEqual(path.stat().st_ino, before.st_ino)
        self.assertGreater(path.stat().st_ctime_ns, before.st_ctime_ns)  # the last use

    def test_no_pack_cache(self):
        self.tokens("--no-pack-cache")
        self.tokens(SLIPSTREAM_NO_PACK_CACHE="1")
        self.tokens(SLIPSTREAM_PACK_CACHE_LIMIT="0")
        self.assertFalse(self.packed().exists())

    def test_folder_of_the_environment(self):
        other = self.home / "elsewhere"
        self.tokens(SLIPSTREAM_PACK_CACHE=str(other))
        self.assertEqual(len(list(other.iterdir())), 1)
        self.assertFalse(self.packed().exists())

    def test_bad_limit(self):
        self.assert_fails(1, "SLIPSTREAM_PACK_CACHE_LIMIT", *RUN, SLIPSTREAM_PACK_CACHE_LIMIT="lots")

    def test_unusable_folder_is_a_note(self):
        self.write("file", "")
        done = self.run_cli(*RUN, SLIPSTREAM_PACK_CACHE=str(self.home / "file/packed"))
        self.assertIn("slipstream: note: packed weights are kept in memory", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        for caches in ({"XDG_CACHE_HOME": "/proc/nonexist"}, {"XDG_CACHE_HOME": "", "HOME": ""}):
            with self.subTest(caches=caches):
                done = self.run_cli(*RUN, **caches)
                self.assertIn("slipstream: note: packed weights are kept in memory", done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)
                self.assertEqual(self.run_cli(*RUN, "-q", **caches).stderr, "")

    def test_two_processes_at_once(self):
        expected = self.tokens("--no-pack-cache")
        command = [PROGRAM, *map(str, RUN)]
        both = [subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE) for _ in range(2)]
        for process in both:
            _, errors = process.communicate(timeout=TIMEOUT_S)
            self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(len(self.files()), 1)
        self.assertEqual(self.json("cache", "verify")["files"][0]["result"], "good")
        self.assertEqual(self.tokens(), expected)

    def test_remove(self):
        self.tokens()
        (file,) = self.files()
        self.assertIn(file["name"], self.run_cli("cache", "ls").stdout)
        self.assert_fails(1, "nothing.pack", "cache", "rm", "nothing.pack")
        self.assertIn("removed", self.run_cli("cache", "rm", file["name"]).stdout)
        self.assertEqual(self.files(), [])
        self.tokens()
        removed = self.json("cache", "rm", "--all")["files"]
        self.assertEqual([f["name"] for f in removed], [file["name"]])
        self.assertEqual(self.files(), [])

    def test_verify(self):
        self.tokens()
        (file,) = self.files()
        self.assertIn("good", self.run_cli("cache", "verify").stdout)
        self.damage(file)
        done = self.run_cli("cache", "verify", file["name"], code=1)
        self.assertIn("damaged, removed", done.stdout)
        self.assertIn("the data of", done.stderr)
        self.assertEqual(self.files(), [])

    def damage(self, file):
        path = self.packed() / file["name"]
        content = bytearray(path.read_bytes())
        for at in range(len(content) // 3, len(content), 512):
            content[at] ^= 0x55
        path.write_bytes(content)

    def test_a_start_notices_damage(self):
        expected = self.tokens()
        (file,) = self.files()
        self.damage(file)
        self.assertEqual(self.files()[0]["state"], "damaged")
        self.assertEqual(self.tokens(), expected)
        self.assertEqual(self.files()[0]["state"], "current")
        self.run_cli("cache", "verify")

    def test_what_tuning_found(self):
        version = self.json("version")
        self.assertIsNone(version["tuned"])
        self.assertIn("not tuned", self.run_cli("version").stdout)
        if version["isa"] not in ("avx2", "avx512", "avx512_bf16"):
            self.skipTest("one tiling")
        expected = self.tokens()
        self.assertIsNone(self.json("version")["tuned"])  # too small a model to tune for
        tiling = {
            "avx2": "direct_rows 1 tile_columns 4 panel_blocks 32 sweep_kib 320 ahead 1 order 0"
        }.get(version["isa"], "direct_rows 8 tile_columns 6 panel_blocks 24 sweep_kib 512 ahead 1 "
                              "order 0")
        record = self.packed() / f"gemm-{version['isa']}.tuning"
        text = ("slipstream tuning of matrix products, version 2\n"
                f"cpu: {version['cpu_identity']}\nkernels: {version['isa']}\n"
                f"16 bits, few rows: {tiling} gain 0.125\n16 bits, many rows: {tiling} gain 0.000\n"
                f"8 bits, few rows: {tiling} gain 0.000\n8 bits, many rows: {tiling} gain 0.031\n")
        record.write_text(text)
        tuned = self.json("version")["tuned"]
        self.assertEqual(tuned["activations_16"]["few_rows"]["gain"], 0.125)
        self.assertEqual(tuned["activations_8"]["many_rows"]["sweep_kib"],
                         512 if "512" in version["isa"] else 320)
        self.assertIn("+12.5 %", self.run_cli("version").stdout)
        self.assertEqual(self.tokens(), expected)
        record.write_text(text.replace("gain 0.125", "gain"))
        self.assertIsNone(self.json("version")["tuned"])
        self.assertEqual(self.tokens(), expected)
        removed = [f["name"] for f in self.json("cache", "rm", "--all")["files"]]
        self.assertIn(record.name, removed)
        self.assertFalse(record.exists())

    def test_wrong_use(self):
        for words in ([], ["list"], ["rm"], ["rm", "x", "--all"], ["ls", "--all"]):
            self.assert_fails(2, "expected", "cache", *words)


if __name__ == "__main__":
    unittest.main()
