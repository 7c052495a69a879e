"""Answers in a form that was asked for; those by JSON schemas are checked by Python's jsonschema."""
import json
import os
import subprocess
import unittest

from cli_support import DATA, TINY, CliTest, smollm2

SCHEMAS = json.loads((DATA / "grammar/schemas.json").read_text())
OBJECT = '{"type":"object","properties":{"n":{"enum":[1,2]}},"required":["n"]}'


def validator(schema):
    try:
        import jsonschema
    except ImportError as error:
        raise unittest.SkipTest("Python has no jsonschema") from error
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    # FormatChecker() has draft 3's time.
    formats = getattr(kind, "FORMAT_CHECKER", None) or jsonschema.draft202012_format_checker
    return kind(schema, format_checker=formats)


class Options(CliTest):
    def test_each_way_to_give_a_form(self):
        grammar = 'root ::= "yes" | "no"'
        for args in (["--grammar", grammar],
                     ["--grammar-file", self.write("g.gbnf", grammar)]):
            self.assertIn(self.answer(*args), ("yes", "no"))
        file = self.write("schema.json", OBJECT)
        for args in (["--json-schema", OBJECT], ["-j", f"@{file}"], ["--json-schema-file", file],
                     ["-jf", file]):
            self.assertIn(json.loads(self.answer(*args))["n"], (1, 2))

    def answer(self, *args):
        done = self.json("run", "-m", TINY, "-p", "x", "--temp", "1", *args)
        self.assertEqual(done["finish_reason"], "stop")
        return done["text"]

    def test_the_answer_ends_also_where_the_end_is_ignored(self):
        self.assertEqual(self.answer("--grammar", 'root ::= "x"', "--ignore-eos"), "x")

    def test_bad_use(self):
        run = ["run", "-m", TINY, "-p", "x"]
        self.assert_fails(2, "at most one of --grammar", *run, "--grammar", "x", "-j", "{}")
        self.assert_fails(1, "line 1, column 10: expected something", *run, "--grammar",
                          "root ::= *")
        self.assert_fails(1, "schema: #/uniqueItems: can't be enforced", *run, "-j",
                          '{"type":"array","uniqueItems":true}')
        self.assert_fails(1, "expected JSON", *run, "-j", "{")
        self.assert_fails(1, "nowhere.gbnf", *run, "--grammar-file", "nowhere.gbnf")


class Samples(CliTest):
    """Texts that are drawn from the grammars byte by byte."""

    def test_every_text_is_valid(self):
        file = self.home / "samples.json"
        subprocess.run([os.environ["SLIPSTREAM_GRAMMAR_TESTS"], "--gtest_filter=SchemaSamples.*"],
                       check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "SLIPSTREAM_SCHEMA_SAMPLES": str(file)})
        samples = json.loads(file.read_text())
        self.assertEqual(len(samples), len(SCHEMAS))
        for case, sample in zip(SCHEMAS, samples):
            check = validator(case["schema"])
            for text in sample["texts"]:
                with self.subTest(case["name"], text=text):
                    check.validate(json.loads(text))


class Schemas(CliTest):
    """A real model at a temperature that makes nonsense, so that the masks do the work."""

    def test_every_finished_answer_is_valid(self):
        model = smollm2()
        finished = 0
        for seed, case in enumerate(SCHEMAS):
            with self.subTest(case["name"]):
                check = validator(case["schema"])
                done = self.json("run", "-m", model, "-p", "Give an example.", "-n", "150", "-c",
                                 "512", "--temp", "1.3", "--top-p", "1", "--min-p", "0", "--top-k",
                                 "0", "--seed", str(seed), "-j", json.dumps(case["schema"]))
                if done["finish_reason"] != "stop":
                    continue
                finished += 1
                check.validate(json.loads(done["text"]))
        self.assertGreater(finished, len(SCHEMAS) * 3 // 4)


if __name__ == "__main__":
    unittest.main()
