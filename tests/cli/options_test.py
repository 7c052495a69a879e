"""Exit codes, help, and where options take their values from."""
import pathlib
import shutil
import resource
import subprocess
import unittest

from cli_support import DATA, PROGRAM, TINY, CliTest

COMMANDS = sorted(file.stem.replace("_", "-") for file in
                  (pathlib.Path(__file__).resolve().parents[2] / "src/cli/commands").glob("*.cpp"))


class Help(CliTest):
    def test_overview_lists_every_command(self):
        for args in (["--help"], ["-h"], ["help"]):
            out = self.run_cli(*args).stdout
            for command in COMMANDS:
                self.assertRegex(out, rf"(?m)^  {command} ")

    def test_each_command_has_help(self):
        for command in COMMANDS:
            out = self.run_cli(command, "--help").stdout
            self.assertIn(f"Usage: slipstream {command}", out)
            self.assertEqual(out, self.run_cli("help", command).stdout)
            self.assertEqual(out, self.run_cli(command, "-h").stdout)

    def test_options_are_grouped(self):
        out = self.run_cli("run", "--help").stdout
        for heading in ("Model:", "Sampling:", "Answer:", "Output:"):
            self.assertIn(f"\n{heading}", out)
        self.assertIn("-ctk", out)

    def test_no_command_is_a_usage_error(self):
        self.assertIn("Usage:", self.run_cli(code=2).stderr)


class BadUse(CliTest):
    def test_usage_errors(self):
        cases = [
            ("unknown command 'walk'", ["walk"]),
            ("unknown command 'rnu'; did you mean 'run'?", ["rnu"]),
            ("unknown command 'tokenise'; did you mean 'tokenize'?", ["tokenise"]),
            ("--no-such", ["run", "-m", TINY, "--no-such"]),
            ("'--tmep'; did you mean '--temp'?", ["run", "-m", TINY, "--tmep", "0"]),
            ("'-json'; did you mean '--json'?", ["run", "-m", TINY, "-json"]),
            ("unknown option '-mt'", ["run", "-m", TINY, "-mt", "4"]),
            ("unknown option '-fa'", ["tokenize", "-m", TINY, "-fa"]),
            ("unknown option '--lora'", ["run", "-m", TINY, "--lora", "x"]),
            ("--no-perf: expected true or false, got 'x'", ["run", "-m", TINY, "--no-perf=x"]),
            ("--logit-bias: expected a token below 272",
             ["run", "-m", TINY, "-p", "x", "-l", "272+1"]),
            ("--logit-bias: expected a token below 272", ["chat", "-m", TINY, "-l", "272+1",
                                                          "--chat-template", "x"]),
            ("--model", ["run", "--model"]),
            ("no model", ["run", "-p", "x"]),
            ("--top-k: expected an integer, got 'many'", ["run", "-m", TINY, "--top-k", "many"]),
            ("--top-p: expected at most 1", ["run", "-m", TINY, "--top-p", "1.5"]),
            ("--temp: expected at least 0", ["run", "-m", TINY, "--temp", "-1"]),
            ("--temperature: expected at most 100", ["run", "-m", TINY, "--temperature", "101"]),
            ("--repeat-penalty: expected at least 0.01",
             ["run", "-m", TINY, "--repeat-penalty", "0"]),
            ("--repeat-last-n: expected at least -1",
             ["chat", "-m", TINY, "--repeat-last-n", "-2"]),
            ("--presence-penalty: expected at most 100",
             ["run", "-m", TINY, "--presence-penalty", "1e3"]),
            ("error: -n: expected an integer, got '1.5'", ["run", "-m", TINY, "-n", "1.5"]),
            ("error: -n: expected at least -1", ["run", "-m", TINY, "-n-2"]),
            ("error: --n-predict: expected an integer", ["run", "-m", TINY, "--n-predict=x"]),
            ("expected one of i16", ["run", "-m", TINY, "-ctk", "q5_0"]),
            ("-ctk: expected it only without --exact", ["run", "-m", TINY, "--exact", "-ctk", "q8_0"]),
            ("--activations: expected it only without --exact",
             ["eval", "-m", TINY, "--exact", "--activations", "8"]),
            ("--logit-bias", ["run", "-m", TINY, "-l", "word"]),
            ("--spec-type draft: expected a model too, -md FILE",
             ["run", "-m", TINY, "--spec-type", "draft", "-p", "x"]),
            ("unexpected argument 'c'", ["tokenize", "a", "b", "c"]),
            ("no text", ["eval", "-m", TINY]),
            ("expected --tokens", ["logits", "-m", TINY, "--out", "x"]),
            ("shell", ["completion", "fish"]),
            ("nothing to profile", ["profile", TINY, "-p", "0", "-n", "0"]),
            ("error: -n: expected at most 1024", ["profile", TINY, "-n", "1025"]),
            ("error: -npl: expected at least 1", ["profile", TINY, "-npl", "0"]),
            ("error: -p: expected an integer", ["profile", TINY, "-p", "16,32"]),
        ]
        for text, args in cases:
            with self.subTest(args=args):
                self.assert_fails(2, text, *args)

    def test_failures(self):
        broken = self.write("broken.gguf", "GGUF but not really, only text")
        empty = self.write("empty.gguf", "")
        for command in (["inspect"], ["tokenize", "-p", "x"], ["run", "-p", "x"],
                        ["bench", "-p", "8", "-n", "1"], ["profile", "-p", "8", "-n", "1"]):
            for model in (self.home / "missing.gguf", broken, empty):
                with self.subTest(command=command, model=model.name):
                    self.assert_fails(1, model.name, command[0], "-m", model, *command[1:])

    def test_no_prompt(self):
        self.assert_fails(1, "no prompt", "run", "-m", TINY)

    def test_vocabulary_only_file_cannot_run(self):
        vocabulary = DATA / "formats/vocabulary.gguf"  # metadata alone
        self.assert_fails(1, "vocabulary.gguf", "run", "-m", vocabulary, "--raw", "-p", "x")


class Spelling(CliTest):
    ARGS = ["run", TINY, "--raw", "-p", "abc", "--temp", "0", "--ignore-eos"]

    def n_tokens(self, *args):
        return len(self.json(*self.ARGS, *args)["tokens"])

    def test_values_stand_apart_or_joined(self):
        for args in (["-n", "3"], ["-n3"], ["-n=3"], ["--predict", "3"], ["--n-predict=3"]):
            self.assertEqual(self.n_tokens(*args), 3, args)
        self.assertEqual(self.json("tokenize", TINY, "-p", "-fa")["n_tokens"],
                         len(self.run_cli("tokenize", TINY, "--", "-fa").stdout.splitlines()))
        self.assertEqual(self.json("tokenize", TINY, "--prompt=a=b")["n_tokens"],
                         self.json("tokenize", TINY, "a=b")["n_tokens"])

    def test_an_empty_text_is_a_text(self):
        for args in (["-p", ""], ["--prompt="], [""]):
            none = self.json("tokenize", "-m", TINY, *args, "--no-special", stdin="not read")
            self.assertEqual(none["n_tokens"], 0, args)
        self.assert_fails(1, "no prompt", "run", "-m", TINY, "-p", "", stdin="not read")

    def test_llama_cpps_options_are_ignored_and_named(self):
        flags = ["-fa", "-tb", "4", "-ngl", "99", "--jinja", "-fa", "on", "--numa", "distribute"]
        done = self.run_cli(*self.ARGS, "-n", "2", "--no-perf", *flags)
        self.assertEqual(done.stderr.count("\n"), 1)
        for name in ("-fa", "-tb", "-ngl", "--jinja", "--numa"):
            self.assertIn(f" {name}", done.stderr)
        self.assertEqual(self.run_cli(*self.ARGS, "-n", "2", *flags, "-q").stderr, "")
        self.assertNotIn("--jinja", self.run_cli("run", "--help").stdout)

    def test_raw_leaves_out_the_system_prompt(self):
        done = self.run_cli(*self.ARGS, "-n", "2", "--no-perf", "-sys", "Be brief.")
        self.assertIn("note: --raw leaves out the system prompt", done.stderr)
        self.assertEqual(self.run_cli(*self.ARGS, "-n", "2", "--no-perf").stderr, "")

    def test_limits_are_values(self):
        for args in (["--repeat-penalty", "0.01"], ["--temp", "100"], ["--repeat-last-n", "-1"]):
            self.assertEqual(self.n_tokens("-n", "2", *args), 2, args)

    def test_no_conversation_is_raw(self):
        raw = ["run", TINY, "-p", "abc", "--temp", "0", "-n", "2"]
        self.assertEqual(self.json(*raw, "-no-cnv")["usage"], self.json(*raw, "--raw")["usage"])


class Settings(CliTest):
    """`tokenize --ids` prints one line without, many with: a flag whose source can be seen."""

    def n_lines(self, *args, **environment):
        return len(self.run_cli("tokenize", "-m", TINY, "-p", "abcdef", *args,
                                **environment).stdout.splitlines())

    def test_environment(self):
        self.assertGreater(self.n_lines(), 1)
        self.assertEqual(self.n_lines(SLIPSTREAM_IDS="1"), 1)
        self.assertGreater(self.n_lines(SLIPSTREAM_IDS="off"), 1)
        self.assertEqual(self.json("tokenize", "-p", "ab", SLIPSTREAM_MODEL=str(TINY))["n_tokens"],
                         self.json("tokenize", "-m", TINY, "-p", "ab")["n_tokens"])
        self.assert_fails(2, "SLIPSTREAM_IDS: expected true or false", "tokenize", "-m", TINY,
                          SLIPSTREAM_IDS="perhaps")

    def test_every_long_name_is_a_variable(self):
        args = ["run", TINY, "--raw", "-p", "abc", "--ignore-eos"]
        for name in ("N_PREDICT", "PREDICT"):
            report = self.json(*args, **{f"SLIPSTREAM_{name}": "3"})
            self.assertEqual(len(report["tokens"]), 3, name)
        for name in ("TEMP", "TEMPERATURE"):
            self.assert_fails(2, f"SLIPSTREAM_{name}", *args, **{f"SLIPSTREAM_{name}": "hot"})

    def test_threads_of_openmp(self):
        args = ["run", TINY, "--raw", "-p", "abc", "-n", "1"]
        threads = lambda *more, **env: self.json(*args, *more, **env)["threads"]  # noqa: E731
        self.assertEqual(threads(OMP_NUM_THREADS="3"), 3)
        self.assertEqual(threads(OMP_NUM_THREADS="3,1"), 3)
        self.assertEqual(threads("-t", "2", OMP_NUM_THREADS="3"), 2)
        self.assertEqual(threads(SLIPSTREAM_THREADS="2", OMP_NUM_THREADS="3"), 2)
        self.assertEqual(threads(OMP_NUM_THREADS="many"), threads())

    def test_a_model_from_elsewhere_leaves_the_words_to_the_prompt(self):
        by_flag = self.json("tokenize", "-m", TINY, "-p", "abc")
        environment = {"SLIPSTREAM_MODEL": str(TINY)}
        prompt_tokens = lambda *args, **env: self.json(  # noqa: E731
            "run", *args, "--raw", "-n", "1", **env)["usage"]["prompt_tokens"]
        self.assertEqual(prompt_tokens("abc", **environment), by_flag["n_tokens"])
        self.assertEqual(prompt_tokens(TINY, "abc", SLIPSTREAM_MODEL="absent.gguf"),
                         by_flag["n_tokens"])
        self.write("config/slipstream/config.toml", f'model = "{TINY}"\n')
        self.assertEqual(prompt_tokens("abc"), by_flag["n_tokens"])
        # A command with no other word takes it for the model.
        self.assert_fails(1, "absent.gguf", "inspect", "absent.gguf", **environment)

    def test_configuration_files(self):
        self.write("config/slipstream/config.toml", "ids = true\n")
        self.assertEqual(self.n_lines(), 1)
        self.assertGreater(self.n_lines(SLIPSTREAM_IDS="false"), 1)
        self.assertGreater(self.n_lines("--ids=false"), 1)
        other = self.write("other.toml", "[tokenize]\nids = false\n[bench]\nn_prompt = 4\n")
        self.assertGreater(self.n_lines("--config", other), 1)

    def test_a_commands_section_wins(self):
        self.write("config/slipstream/config.toml", "ids = false\n[tokenize]\nids = true\n")
        self.assertEqual(self.n_lines(), 1)

    def test_sections_of_models(self):
        def n_tokens(model, *args):
            return len(self.json("run", "-m", model, "--raw", "-p", "abc", "--ignore-eos",
                                 *args)["tokens"])
        self.write("config/slipstream/config.toml",
                   f"[*]\nn-predict = 1\n[run]\npredict = 2\n[model]\npredict = 3\n"
                   f"[llama]\npredict = 4\n[small.Q4_0]\nmodel = {TINY}\nn_predict = 5\n")
        self.assertEqual(n_tokens(TINY), 3)  # …/llama/model.gguf
        self.assertEqual(n_tokens(f"{TINY.parent}/"), 4)  # …/llama
        self.assertEqual(n_tokens("small.Q4_0"), 5)
        self.assertEqual(n_tokens("small.Q4_0", "-n", "6"), 6)
        self.write("config/slipstream/config.toml", "[*]\nn-predict = 1\n[run]\npredict = 2\n")
        self.assertEqual(n_tokens(TINY), 2)
        self.write("config/slipstream/config.toml", "[*]\nn-predict = 1\n")
        self.assertEqual(n_tokens(TINY), 1)

    def test_models_in_caches(self):
        snapshot = self.home / "hf/hub/models--some--thing/snapshots/abc"
        for name in ("thing-Q4_0.gguf", "thing-q8_0.gguf", "mmproj-Q4_K_M.gguf"):
            self.write(f"hf/hub/models--some--thing/snapshots/abc/{name}", "")
        self.write("hf/hub/models--some--thing/refs/main", "abc")
        self.write("llama/other_thing_x-Q4_K.gguf", "")
        self.write("llama/other_thing_x-Q4_K_M-00001-of-00002.gguf", "")
        folder = self.home / "hf/hub/models--a--folder/snapshots/def"
        shutil.copytree(TINY.parent, folder, ignore=shutil.ignore_patterns("*.gguf"))
        self.write("hf/hub/models--a--folder/refs/main", "def")
        caches = {"HF_HOME": str(self.home / "hf"), "LLAMA_CACHE": str(self.home / "llama")}
        for name, found in (("some/thing", snapshot / "thing-Q4_0.gguf"),
                            ("some/thing:Q8_0", snapshot / "thing-q8_0.gguf"),
                            ("some/thing:Q6_K", "some/thing:Q6_K"),
                            ("other/thing", self.home / "llama/other_thing_x-Q4_K_M-00001-of-00002"),
                            ("other/thing:Q4_K", self.home / "llama/other_thing_x-Q4_K.gguf"),
                            ("un/known", "un/known")):
            with self.subTest(name=name):
                self.assert_fails(1, f"error: {found}", "inspect", "-hf", name, **caches)
        self.assertEqual(self.json("inspect", "a/folder", **caches)["model"], str(folder))
        self.assert_fails(1, "error: a/folder", "inspect", "a/folder", **caches,
                          HF_HUB_CACHE=str(self.home))

    def test_a_key_of_another_command_is_no_error(self):
        self.write("config/slipstream/config.toml", "top-k = 7\n")
        self.assertGreater(self.n_lines(), 1)

    def test_bad_configuration(self):
        cases = [("unknown key 'colour'", "colour = 1\n"),
                 ("unknown key 'colour'", "[some model]\ncolour = 1\n"),
                 ("unknown key 'top-k'", "[tokenize]\ntop-k = 7\n"),
                 ("expected true or false", "ids = 12\n")]
        for text, content in cases:
            with self.subTest(content=content):
                path = self.write("config/slipstream/config.toml", content)
                self.assert_fails(2, str(path), "tokenize", "-m", TINY, "-p", "x")
                self.assert_fails(2, text, "tokenize", "-m", TINY, "-p", "x")
        self.assert_fails(2, "absent.toml", "tokenize", "-m", TINY, "--config",
                          self.home / "absent.toml")
        self.assert_fails(2, "directory", "version", "--config", self.home)

    def test_lines_that_are_no_configuration(self):
        cases = [(2, "the key 'top-k' is there twice, first in line 1", "top-k = 7\ntop_k = 8\n"),
                 (3, "the key 'ids' is there twice", "ids = true\n[*]\nids = false\n"),
                 (3, "[run] is there twice, first in line 1", "[run]\n\n[run]\n"),
                 (2, "unknown section [rnu]; did you mean [run]?", "# x\n[rnu]\ntop-k = 7\n"),
                 (1, "arrays of tables", "[[run]]\n"),
                 (1, "expected a heading", "[run\n"),
                 (1, "expected the end of the line", "[run] x\n"),
                 (1, "expected key = value", "ids\n"),
                 (1, "expected a value", "ids = # none\n"),
                 (1, "expected one word, or quotes around 'a b'", "prompt = a b\n"),
                 (1, "strings of many lines", 'prompt = """a\n"""\n'),
                 (1, "expected an array that ends on its line", "n-prompt = [1,\n2]\n"),
                 (1, "expected ',' or ']'", 'reverse-prompt = ["a" "b"]\n'),
                 (1, "tables in a line", "run = { top-k = 7 }\n"),
                 (1, 'expected a " at the end', 'prompt = "a\n'),
                 (1, "expected an escape of TOML", 'prompt = "\\x"\n'),
                 (1, "expected an escape of TOML", 'prompt = "\\ud800"\n')]
        for line, text, content in cases:
            with self.subTest(content=content):
                path = self.write("bad.toml", content)
                self.assert_fails(2, f"{path}:{line}: {text}", "version", "--config", path)

    def test_values_of_configuration_files(self):
        cases = [('"a # b"', "a # b"), ("'c:\\x'", "c:\\x"), ("word # a comment", "word"), ("7", "7"),
                 (r'"\u00e9\U0001f600\t\"\\"', 'é😀\t"\\'), ("b\r", "b"), ('"a=b"', "a=b")]
        for value, text in cases:
            with self.subTest(value=value):
                path = self.write("a.toml", f"; a comment\n\n[tokenize]\n  prompt={value}\n")
                self.assertEqual(self.json("tokenize", "-m", TINY, "--config", path),
                                 self.json("tokenize", "-m", TINY, "-p", text))
        path = self.write("a.toml", '["run"]\nreverse-prompt = ["a", \'b\', ] # two\n"top-k"=-1\n')
        self.assert_fails(2, f"{path}:3: top-k: expected at least 0", "run", "-m", TINY, "-p", "x",
                          "--config", path)
        # A model's section may have a name like a command's when it says so.
        path = self.write("a.toml", f'[rnu]\nmodel = "{TINY}"\n')
        self.run_cli("inspect", "-m", "rnu", "--config", path)

    def test_a_file_from_the_environment(self):
        self.write("config/slipstream/config.toml", "ids = false\n")
        path = self.write("other.toml", "ids = true\n")
        self.assertEqual(self.n_lines(SLIPSTREAM_CONFIG=str(path)), 1)
        self.assertGreater(self.n_lines(SLIPSTREAM_CONFIG=""), 1)
        absent = self.home / "absent.toml"
        self.assertEqual(self.n_lines("--config", path, SLIPSTREAM_CONFIG=str(absent)), 1)
        self.assert_fails(2, str(absent), "version", SLIPSTREAM_CONFIG=str(absent))

    def test_a_byte_order_mark_is_skipped(self):
        path = self.write("marked.toml", "\ufeffbatch-size = 0\n")
        self.assert_fails(2, "batch-size: expected at least 1", "run", TINY, "-p", "x",
                          "--config", path)

    def test_positional_arguments(self):
        by_flag = self.run_cli("tokenize", "-m", TINY, "-p", "hello").stdout
        self.assertEqual(self.run_cli("tokenize", TINY, "hello").stdout, by_flag)
        self.assertEqual(self.run_cli("tokenize", "-m", TINY, "hello").stdout, by_flag)
        self.assertEqual(self.run_cli("tokenize", "hello", "-m", TINY).stdout, by_flag)
        self.assertEqual(self.run_cli("tokenize", TINY, stdin="hello").stdout, by_flag)
        text = self.write("text", "hello")
        self.assertEqual(self.run_cli("tokenize", TINY, "-f", text).stdout, by_flag)


class Pieces(CliTest):
    def test_version(self):
        report = self.json("version")
        self.assertRegex(report["version"], r"^\d+\.\d+\.\d+$")
        self.assertIn(report["isa"], report["available_isas"])
        self.assertIn(report["version"], self.run_cli("--version").stdout)
        self.assertEqual(self.json("version", SLIPSTREAM_ISA="ref")["isa"], "ref")
        self.assert_fails(1, "abacus", "version", SLIPSTREAM_ISA="abacus")

    def test_completion_completes(self):
        script = self.run_cli("completion", "bash").stdout
        check = script + ("\nCOMP_WORDS=(slipstream run --top) COMP_CWORD=2\n_slipstream\n"
                          "echo ${COMPREPLY[@]}\n"
                          "COMP_WORDS=(slipstream bench -o '') COMP_CWORD=3\n_slipstream\n"
                          "echo ${COMPREPLY[@]}\n"
                          "COMP_WORDS=(slipstream cache r) COMP_CWORD=2\n_slipstream\n"
                          "echo ${COMPREPLY[@]}\n"
                          "COMP_WORDS=(slipstream completion '') COMP_CWORD=2\n_slipstream\n"
                          "echo ${COMPREPLY[@]}\n")
        done = subprocess.run(["bash", "-c", check], encoding="utf-8", capture_output=True,
                              timeout=60, check=True)
        self.assertEqual(done.stdout.splitlines(),
                         ["--top-k --top-p", "md csv json jsonl sql", "rm", "bash zsh"])
        self.assertTrue(self.run_cli("completion", "zsh").stdout.startswith("#compdef slipstream"))

    def test_a_closed_pipe_is_no_crash(self):
        with subprocess.Popen([PROGRAM, "inspect", "--full", "-m", str(TINY)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment) as process:
            process.stdout.close()
            self.assertIn(process.wait(timeout=60), (0, 1))
            self.assertEqual(process.stderr.read(), b"")

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE,
                                  encoding="utf-8", timeout=60, env=self.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output: cannot write", done.stderr)
        for args in (["--help"], ["run", "--help"]):
            with self.subTest(args=args), open("/dev/full", "w") as full:
                self.assertEqual(subprocess.run([PROGRAM, *args], stdout=full, env=self.environment,
                                                stderr=subprocess.DEVNULL, timeout=60).returncode, 1)

    def test_nothing_depends_on_standard_error(self):
        run = [PROGRAM, "run", str(TINY), "--raw", "-p", "abc", "-n", "2", "-v"]
        cases = [(0, run), (1, [*run, "-c", "1"]), (2, [PROGRAM, "walk"]), (2, [PROGRAM])]
        for code, command in cases:
            for where in ("2>&-", "2>/dev/full"):
                with self.subTest(command=command, where=where):
                    done = subprocess.run(["sh", "-c", f'"$@" {where}', "sh", *command], timeout=60,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          env=self.environment)
                    self.assertEqual(done.returncode, code)

    def test_a_closed_stream_is_no_file(self):
        path = self.home / "logits"
        command = [PROGRAM, "logits", str(TINY), "--tokens", "1,2", "-o", str(path), "-t", "1"]
        subprocess.run(["sh", "-c", '"$@" 2>&- >&-', "sh", *command], timeout=60, check=True,
                       env=self.environment)
        self.assertEqual(path.stat().st_size, 2 * 272 * 4)

    def test_the_limit_on_file_sizes(self):
        path = self.home / "logits"
        command = [PROGRAM, "logits", str(TINY), "--no-pack-cache", "-o", str(path),
                   "--tokens", ",".join(["1"] * 50)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              encoding="utf-8", timeout=60, env=self.environment,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                    (20000, 20000)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write: File too large", done.stderr)
        self.assertEqual(list(self.home.glob("logits*")), [])

    def test_a_replaced_file_keeps_its_permissions(self):
        path = self.write("logits", "")
        path.chmod(0o600)
        self.run_cli("logits", TINY, "--tokens", "1,2", "-o", path)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertGreater(path.stat().st_size, 0)


if __name__ == "__main__":
    unittest.main()
