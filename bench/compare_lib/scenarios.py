"""What servers go through: each scenario starts its server and gives figures by name."""
import json
import time
import typing

from . import Failure
from .children import Child
from .contestants import parse
from .servers import Needs

WARM_UP = ["--clients", 2, "--requests", 4, "--prompt-tokens", "20:40", "--answer-tokens", "8:8",
           "--seed", 99]


TTFT_MS, ITL_MS = 1000, 100  # what a good answer keeps to under overload


class Setting(typing.NamedTuple):
    program: object      # slipstream, the load generator
    model: object        # its file
    seconds: int = 20    # that load lasts, roughly
    overload_s: int = 60


class Load:
    """`slipstream bench --serve` on a server, while it runs."""

    def __init__(self, setting, server, *options):
        self.child = Child([setting.program, "bench", "-q", "--serve", server.url, "--json",
                            *options])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.__exit__()

    def figures(self, timeout_s=900):
        return parse(self.child.finish(timeout_s), "slipstream bench --serve", json.loads)


def load(setting, server, *options):
    with Load(setting, server, *options) as running:
        return running.figures()


def ready(contestant, setting, needs):
    """A server that has answered once: weights are read, and what is allocated late is there."""
    server = contestant.start(setting.model, needs)
    try:
        server.wait_until_ready()
        load(setting, server, *WARM_UP)
    except BaseException:
        server.__exit__()
        raise
    return server


def check_all_answered(found):
    requests = found["requests"]
    if requests["answered"] != requests["sent"]:
        raise Failure(f"{requests['answered']} of {requests['sent']} requests were answered: "
                      f"{found['errors']}")


def mixed(contestant, setting):
    """16 clients, each asking as soon as it has its answer."""
    with ready(contestant, setting, Needs(slots=16, context=2048)) as server:
        found = load(setting, server, "--clients", 16, "--duration", setting.seconds,
                     "--prompt-tokens", "30:1000", "--answer-tokens", "16:96", "--seed", 1)
        check_all_answered(found)
        peak = server.memory()[1]
    return {"tokens/s": found["tokens_per_s"], "requests": found["requests"]["answered"],
            "TTFT p50, ms": found["ttft_ms"]["p50"], "TTFT p95, ms": found["ttft_ms"]["p95"],
            "ITL p50, ms": found["itl_ms"]["p50"], "ITL p95, ms": found["itl_ms"]["p95"],
            "E2E p95, ms": found["e2e_ms"]["p95"],
            "peak memory, MB": peak / 1e6, "load generator, % of a CPU": 100 * found["own_cpus"]}


def long_prompt(contestant, setting):
    """A prompt of 4000 tokens arrives while four clients get answers."""
    with ready(contestant, setting, Needs(slots=5, context=6144)) as server:
        with Load(setting, server, "--clients", 4, "--duration", setting.seconds, "--per-request",
                  "--prompt-tokens", "20:40", "--answer-tokens", "600:600",
                  "--seed", 1) as running:
            time.sleep(setting.seconds / 4)
            one = load(setting, server, "--requests", 1, "--prompt-tokens", "4000:4000",
                       "--answer-tokens", "4:4", "--per-request", "--seed", 2)
            four = running.figures()
    check_all_answered(four)
    check_all_answered(one)
    begin_ms = (one["began_unix_s"] - four["began_unix_s"]) * 1e3
    end_ms = begin_ms + one["per_request"][0]["first_ms"]
    rows = four["per_request"]
    beside = [row for row in rows if row["first_ms"] < begin_ms and row["last_ms"] > begin_ms]
    before = [row["worst_gap_ms"] for row in rows if row["done_ms"] < begin_ms]
    if len(beside) != 4:
        raise Failure(f"expected four answers under way when the prompt came, got {len(beside)}")
    return {"worst gap, ms": max(row["worst_gap_ms"] for row in beside),
            "worst gap before, ms": max(before, default=None),
            "ITL p50, ms": four["itl_ms"]["p50"], "ITL p99, ms": four["itl_ms"]["p99"],
            "TTFT of the prompt, ms": end_ms - begin_ms,
            "prompt, tokens": one["prompt_tokens"], "tokens/s": four["tokens_per_s"]}


def shared_prefix(contestant, setting):
    """20 clients come at once, with a beginning in common that one request had before."""
    return twenty_at_once(contestant, setting, ["--clients", 1, "--requests", 1])


def cold_prefix(contestant, setting):
    """The same on a server that knows nothing yet."""
    return twenty_at_once(contestant, setting, None)


def twenty_at_once(contestant, setting, before):
    common = ["--answer-tokens", "16:16", "--seed", 1]
    twenty = ["--clients", 20, "--requests", 20]
    shared = ["--shared-prefix", 1500, "--prompt-tokens", "20:40"]
    needs = Needs(slots=20, context=2048)
    with ready(contestant, setting, needs) as server:
        if before:
            load(setting, server, *common, *before, *shared)
        found = load(setting, server, *common, *twenty, *shared)
    check_all_answered(found)
    figures = {"TTFT p50, ms": found["ttft_ms"]["p50"], "TTFT p95, ms": found["ttft_ms"]["p95"],
               "prompt tokens": found["prompt_tokens"], "of them cached": found["cached_tokens"]}
    if contestant.peer:  # the goal is about ours
        return figures
    with ready(contestant, setting, needs) as server:
        apart = load(setting, server, *common, *twenty, "--prompt-tokens", "1520:1540")
    check_all_answered(apart)
    return {**figures, "TTFT p50 of prompts without it, ms": apart["ttft_ms"]["p50"],
            "without : with": apart["ttft_ms"]["p50"] / found["ttft_ms"]["p50"]}


def overload(contestant, setting):
    """Twice as many requests as can be served, at random times."""
    kind = ["--prompt-tokens", "30:300", "--answer-tokens", "16:64", "--timeout", 120,
            "--slo", f"ttft:{TTFT_MS},itl:{ITL_MS}"]
    needs, short = Needs(slots=16, context=1024), max(1, setting.seconds // 2)
    with ready(contestant, setting, needs) as server:
        rate = load(setting, server, *kind, "--clients", 20, "--duration", short,
                    "--seed", 1)["requests_per_s"]
    # Who waits longer than half of what the first token may take won't have it in time.
    queue = max(1, round(rate * TTFT_MS / 1000 / 2))

    def at(server, times_rate, seconds, seed):
        return load(setting, server, *kind, "--rate", f"{times_rate * rate:.3f}", "--duration",
                    seconds, "--seed", seed)

    with ready(contestant, setting, needs._replace(queue=queue)) as server:
        plateau = [at(server, times_rate, short, seed)["goodput"]["requests_per_s"]
                   for times_rate, seed in ((0.8, 2), (1.0, 3))]
        before = server.memory()[0]
        found = at(server, 2, setting.overload_s, 4)
        after = server.memory()[0]
    requests, good = found["requests"], found["goodput"]["requests_per_s"]
    return {"requests/s, closed loop": rate, "queue": queue,
            "plateau of goodput, requests/s": max(plateau),
            "goodput at twice the rate, requests/s": good,
            "of the plateau": good / max(*plateau, 1e-9),
            "answered": requests["answered"], "refused with 429": requests["refused"],
            "failed otherwise": requests["failed"], "TTFT p95, ms": found["ttft_ms"]["p95"],
            "memory before, MB": before / 1e6, "memory after, MB": after / 1e6}


def idle_streams(contestant, setting):
    """1000 streams that wait for their turn behind one long answer."""
    needs = Needs(slots=1, context=4096, queue=2000)
    with ready(contestant, setting, needs) as server:
        before = server.memory()[0]
        with Load(setting, server, "--requests", 1, "--prompt-tokens", "20:20", "--answer-tokens",
                  "4000:4000", "--seed", 3):
            time.sleep(1)
            with Load(setting, server, "--clients", 1000, "--requests", 1000, "--prompt-tokens",
                      "20:20", "--answer-tokens", "1:1", "--seed", 4):
                time.sleep(5)
                during = server.memory()[0]
    return {"memory before, MB": before / 1e6, "memory with 1000 streams, MB": during / 1e6,
            "growth, MB": (during - before) / 1e6}


class Scenario(typing.NamedTuple):
    name: str
    title: str
    run: object
    headline: str         # the figure by which a peer's configurations are ranked
    more_is_better: bool
    goals: tuple = ()     # (figure, text, what ours and theirs must satisfy)


def times(factor, more_is_better=False):
    def test(ours, theirs):
        if theirs is None or not theirs:
            return None
        return ours >= factor * theirs if more_is_better else ours * factor <= theirs
    return test


SCENARIOS = [
    Scenario("mixed", "16 clients in a closed loop, prompts of 30–1000 tokens, answers of 16–96",
             mixed, "tokens/s", True,
             (("tokens/s", "≥ 5 ×", times(5, True)), ("TTFT p95, ms", "≥ 4 × lower", times(4)),
              ("ITL p95, ms", "≥ 5 × lower", times(5)))),
    Scenario("long-prompt", "a prompt of 4000 tokens arrives while 4 clients decode", long_prompt,
             "worst gap, ms", False,
             (("worst gap, ms", "≤ 200 (2 × the ITL target)", lambda ours, _: ours <= 200),)),
    *(Scenario(name, title, run, "TTFT p50, ms", False,
               (("TTFT p50, ms", "lower", times(1)),
                ("without : with", "≥ 10", lambda ours, _: ours >= 10)))
      for name, title, run in (
          ("shared-prefix", "20 clients at once, 1500 tokens in common, which one request had before",
           shared_prefix),
          ("cold-prefix", "the same, on a server that knows nothing yet", cold_prefix))),
    Scenario("overload", "twice the rate that can be served; good: TTFT ≤ 1 s, mean ITL ≤ 100 ms",
             overload, "goodput at twice the rate, requests/s", True,
             (("of the plateau", "≥ 0.9", lambda ours, _: ours >= 0.9),
              ("failed otherwise", "0", lambda ours, _: ours == 0))),
    Scenario("idle-streams", "1000 streams that wait", idle_streams, "growth, MB", False,
             (("growth, MB", "≤ 64", lambda ours, _: ours <= 64),)),
]


def select(only):
    """Those that a comma-separated list names, or all of them."""
    known = [scenario.name for scenario in SCENARIOS]
    names = known if only is None else [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise Failure(f"--only: expected some of {', '.join(known)}; "
                      f"got {', '.join(unknown) or 'nothing'}")
    return [scenario for scenario in SCENARIOS if scenario.name in names]
