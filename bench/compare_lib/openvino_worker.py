"""Runs in OpenVINO GenAI's own environment: does a task, given as JSON, and prints its figures."""
import json
import sys

import openvino_genai as genai


def greedy(n_tokens):
    config = genai.GenerationConfig()
    config.max_new_tokens = n_tokens
    config.ignore_eos = True
    config.do_sample = False
    config.apply_chat_template = False
    return config


def prompt_of(n_tokens, first):
    """Plain tokens; another first one makes it a prompt that no cache has seen."""
    import numpy
    import openvino
    ids = numpy.arange(n_tokens, dtype=numpy.int64)[None] % 900 + 100
    ids[0, 0] = first
    return genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(numpy.ones_like(ids)))


def speeds(pipeline, task):
    prefill = task["kind"] == "prefill"
    n_prompt = task["tokens"] if prefill else max(task["depth"], 1)
    config = greedy(1 if prefill else task["tokens"] + 1)
    pipeline.generate(prompt_of(n_prompt, 99), greedy(2))  # what it compiles for this length
    for repeat in range(task["repeats"]):
        metrics = pipeline.generate(prompt_of(n_prompt, 1000 + repeat), config).perf_metrics
        if prefill:
            yield n_prompt / metrics.get_ttft().mean * 1e3
        else:
            yield 1e3 / metrics.get_tpot().mean


def main():
    task = json.loads(sys.argv[1])
    pipeline = genai.LLMPipeline(task["model"], "CPU", INFERENCE_NUM_THREADS=task["threads"])
    if task["kind"] in ("start", "memory"):
        print(pipeline.generate(task["prompt"], greedy(task["tokens"])), flush=True)
    else:
        print(json.dumps({"tokens_per_s": list(speeds(pipeline, task))}))


if __name__ == "__main__":
    main()
