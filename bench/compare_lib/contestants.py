"""Who is compared: how each does a work, and what its output says."""
import json
import pathlib
import typing

from . import Failure
from .process import run
from .works import MODELS

CONTEXT = 2048


class Sample(typing.NamedTuple):
    value: float                             # in the work's unit
    fraction: typing.Optional[float] = None  # of the machine's limit
    bound: typing.Optional[str] = None


class Setting(typing.NamedTuple):
    models: pathlib.Path
    threads: int

    def path(self, work):
        return self.models / MODELS[work.model].file


def seen_from_outside(work, finished):
    if work.kind == "start":
        return Sample(finished.first_output_s * 1e3)
    return Sample(finished.peak_bytes / 1e6)


class Slipstream:
    peer = False

    def __init__(self, program, activations):
        self.program = program
        self.name = f"Slipstream, activations {activations}"
        self.configuration = f"--activations {activations}"
        self.activations = activations

    def can(self, work):
        return True

    def sample(self, work, setting):
        finished = run(self.command(work, setting))
        if work.kind in ("start", "memory"):
            return seen_from_outside(work, finished)
        return parse_slipstream(finished.output)

    def command(self, work, setting):
        common = ["-q", "-m", setting.path(work), "-t", setting.threads,
                  "--activations", self.activations]
        if work.kind in ("start", "memory"):
            return [self.program, "run", *common, "-c", CONTEXT, "--raw", "--temp", 0,
                    "--ignore-eos", "-n", work.tokens, "-p", MODELS[work.model].prompt]
        prompt, generated = (work.tokens, 0) if work.kind == "prefill" else (0, work.tokens)
        return [self.program, "bench", *common, "-p", prompt, "-n", generated,
                "-npl", work.sequences, "-d", work.depth, "-r", work.repeats, "--json"]


class LlamaCpp:
    peer = True
    name = "llama.cpp"

    def __init__(self, folder, repack, tiled):
        self.folder, self.repack, self.tiled = folder, repack, tiled
        self.configuration = ("repack" if repack else "no repack") + ("" if tiled else ", untiled")

    def can(self, work):
        return True

    def sample(self, work, setting):
        finished = run(self.command(work, setting), {"GGML_CPU_TILED_MM": str(int(self.tiled))})
        if work.kind in ("start", "memory"):
            return seen_from_outside(work, finished)
        return (parse_batched_bench if work.sequences > 1 else parse_llama_bench)(finished.output)

    def command(self, work, setting):
        common = ["-m", setting.path(work), "-t", setting.threads]
        flag = [] if self.repack else ["--no-repack"]
        if work.kind in ("start", "memory"):
            return [self.folder / "llama-completion", *common, *flag, "-c", CONTEXT, "-no-cnv",
                    "--no-warmup", "--no-display-prompt", "--temp", 0, "--ignore-eos",
                    "-n", work.tokens, "-p", MODELS[work.model].prompt]
        if work.sequences > 1:
            return [self.folder / "llama-batched-bench", *common, *flag,
                    "-c", work.sequences * (work.depth + work.tokens + 1), "-npp", work.depth or 1,
                    "-ntg", work.tokens, "-npl", work.sequences, "--output-format", "jsonl"]
        prompt, generated = (work.tokens, 0) if work.kind == "prefill" else (0, work.tokens)
        return [self.folder / "llama-bench", *common, "--repack", int(self.repack), "-p", prompt,
                "-n", generated, "-d", work.depth, "-r", work.repeats, "-o", "json"]


class OpenVino:
    peer = True
    name = "OpenVINO GenAI"
    configuration = "GGUF reader, CPU"

    def __init__(self, python):
        self.python = python

    def can(self, work):
        return work.sequences == 1

    def sample(self, work, setting):
        worker = pathlib.Path(__file__).with_name("openvino_worker.py")
        task = {"model": str(setting.path(work)), "threads": setting.threads, "kind": work.kind,
                "tokens": work.tokens, "depth": work.depth, "repeats": work.repeats,
                "prompt": MODELS[work.model].prompt}
        finished = run([self.python, worker, json.dumps(task)])
        if work.kind in ("start", "memory"):
            return seen_from_outside(work, finished)
        return parse_worker(finished.output)


def middle(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def parse(text, what, read):
    """`read` of the text, its mistakes turned into a message that shows the text."""
    try:
        return read(text)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Failure(f"{what}: expected figures, got {text.strip()[-200:]!r}") from error


def parse_slipstream(text):
    def read(text):
        (test,) = json.loads(text)["tests"]
        return Sample(float(test["tokens_per_s"]["median"]), float(test["fraction_of_bound"]),
                      str(test["bound"]))
    return parse(text, "slipstream bench", read)


def parse_llama_bench(text):
    def read(text):
        (test,) = json.loads(text)
        return Sample(middle([float(value) for value in test["samples_ts"]]))
    return parse(text, "llama-bench", read)


def parse_batched_bench(text):
    def read(text):
        lines = [line for line in text.splitlines() if line.startswith("{")]
        return Sample(float(json.loads(lines[-1])["speed_tg"]))
    return parse(text, "llama-batched-bench", read)


def parse_worker(text):
    return parse(text, "OpenVINO GenAI",
                 lambda text: Sample(middle(json.loads(text.splitlines()[-1])["tokens_per_s"])))
