"""What is measured: the models, the works with their goals, and which of them a run takes."""
import typing

from . import Failure


class Model(typing.NamedTuple):
    title: str
    file: str
    prompt: str            # of eight tokens
    fetch: str             # its name for scripts/fetch-models
    synthetic: tuple = ()  # shape and mix for tools/make-synthetic-model


MODELS = {
    "smollm2": Model("SmolLM2-135M Q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf",
                     "The capital of France is the city of", "smollm2"),
    "gemma3": Model("gemma-3-270m Q4_K_M", "gemma-3-270m-Q4_K_M.gguf",
                    "The capital of France is the city", "gemma3"),
    "1b": Model("Llama-3.2-1B shape Q4_0", "synthetic-llama3-1b-q4_0.gguf",
                "The capital of France is the city", "vocabularies", ("1b", "q4_0")),
    "8b": Model("Llama-3-8B shape Q4_K_M", "synthetic-llama3-8b-q4_k_m.gguf",
                "The capital of France is the city", "vocabularies", ("8b", "q4_k_m")),
}


class Goal(typing.NamedTuple):
    """What Slipstream should reach; what is None isn't asked for."""
    ratio: typing.Optional[float] = None     # times better than llama.cpp
    fraction: typing.Optional[float] = None  # of the machine's limit
    at_most: typing.Optional[float] = None   # in the work's unit
    of_file: typing.Optional[float] = None   # times the model file's size


class Work(typing.NamedTuple):
    name: str
    model: str
    kind: str         # prefill, decode, start (to the first token) or memory (at its peak)
    tokens: int
    goal: Goal
    depth: int = 0    # tokens in the KV cache before it begins
    sequences: int = 1
    repeats: int = 1  # within a process

    @property
    def title(self):
        what = {"prefill": f"prefill {self.tokens}", "decode": f"decode {self.tokens}",
                "start": "start to first token", "memory": "peak memory, `-c 2048`"}[self.kind]
        if self.sequences > 1:
            what += f", {self.sequences} sequences"
        if self.depth:
            what += f" at depth {self.depth}"
        return f"{MODELS[self.model].title}, {what}"

    @property
    def unit(self):
        return {"start": "ms", "memory": "MB"}.get(self.kind, "t/s")

    @property
    def more_is_better(self):
        return self.unit == "t/s"


LONG = 8192
WORKS = [
    Work("smollm2-decode", "smollm2", "decode", 128, Goal(ratio=1.7, fraction=0.80), repeats=3),
    Work("smollm2-prefill", "smollm2", "prefill", 512, Goal(ratio=4), repeats=3),
    Work("1b-decode", "1b", "decode", 128, Goal(ratio=1.25, fraction=0.92)),
    Work("1b-prefill", "1b", "prefill", 256, Goal(ratio=2.2)),
    Work("8b-decode", "8b", "decode", 32, Goal(ratio=1.3, fraction=0.92)),
    Work("8b-prefill", "8b", "prefill", 128, Goal(ratio=2.2)),
    Work("gemma3-decode", "gemma3", "decode", 128, Goal(ratio=1.4, fraction=0.85), repeats=3),
    Work("gemma3-prefill", "gemma3", "prefill", 512, Goal(ratio=2.4), repeats=3),
    Work("smollm2-batch", "smollm2", "decode", 64, Goal(ratio=4.5), sequences=16),
    Work("1b-batch", "1b", "decode", 64, Goal(ratio=2.4), sequences=16),
    Work("smollm2-long-prefill", "smollm2", "prefill", LONG, Goal(ratio=4)),
    Work("1b-long-prefill", "1b", "prefill", LONG, Goal(ratio=4)),
    Work("smollm2-deep-decode", "smollm2", "decode", 32, Goal(ratio=2), depth=LONG),
    Work("1b-deep-decode", "1b", "decode", 32, Goal(ratio=2), depth=LONG),
    Work("smollm2-start", "smollm2", "start", 1, Goal(at_most=60)),
    Work("8b-start", "8b", "start", 1, Goal(at_most=2500)),
    Work("smollm2-memory", "smollm2", "memory", 16, Goal(at_most=160)),
    Work("8b-memory", "8b", "memory", 16, Goal(of_file=1.1)),
]
QUICK = ["smollm2-decode", "smollm2-prefill", "smollm2-start", "smollm2-memory"]


def select(only, quick):
    """The works that the options ask for: `only` is a comma-separated list of names, or None."""
    known = [work.name for work in WORKS]
    if only is None:
        names = QUICK if quick else known
    else:
        names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise Failure(f"--only: expected some of {', '.join(known)}; "
                      f"got {', '.join(unknown) or 'nothing'}")
    works = [work for work in WORKS if work.name in names]
    return [work._replace(repeats=1) for work in works] if quick else works
