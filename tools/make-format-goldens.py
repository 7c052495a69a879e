#!/usr/bin/env python3
"""Writes tests/data/formats: small GGUF and safetensors files made by the reference writers.

Needs Python packages gguf, numpy, torch, safetensors and huggingface_hub; the results are committed, so the
tests need none of them. Usage: tools/make-format-goldens.py [directory]

Tensor number i of a GGUF file holds the bytes (17 i + 31 j + (j >> 8)) & 255, j = 0, 1, …; the
tests in tests/formats/golden_test.cpp know this and the metadata below.
"""
import json
import pathlib
import sys

import gguf
import numpy as np
import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import save_file

TYPES = ["F32", "F16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
         "IQ4_NL", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "BF16", "MXFP4"]


def pattern(i, n):
    j = np.arange(n)
    return ((17 * i + 31 * j + (j >> 8)) & 255).astype(np.uint8)


def add_tensor(writer, i, name, type_name, rows, cols):
    kind = gguf.GGMLQuantizationType[type_name]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    n = rows * cols // block * size
    data = pattern(i, n)
    native = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I8": np.int8, "I16": np.int16,
              "I32": np.int32, "I64": np.int64}
    if type_name in native:
        writer.add_tensor(name, data.view(native[type_name]).reshape(rows, cols))
    else:
        writer.add_tensor(name, data.reshape(rows, -1), raw_dtype=kind)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def everything(path):
    w = gguf.GGUFWriter(str(path), "llama")
    w.add_custom_alignment(64)
    w.add_uint8("t.u8", 200)
    w.add_int8("t.i8", -100)
    w.add_uint16("t.u16", 60000)
    w.add_int16("t.i16", -30000)
    w.add_uint32("t.u32", 4000000000)
    w.add_int32("t.i32", -2000000000)
    w.add_uint64("t.u64", 2**64 - 1)
    w.add_int64("t.i64", -2**63)
    w.add_float32("t.f32", 1.5)
    w.add_float64("t.f64", 0.1)
    w.add_bool("t.true", True)
    w.add_bool("t.false", False)
    w.add_string("t.string", "Größe\n")
    w.add_array("t.strings", ["a", "", "ein längerer Text als fünfzehn"])
    w.add_array("t.ints", [1, -2, 3])
    w.add_array("t.floats", [0.5, -0.25])
    w.add_array("t.bools", [True, False, True])
    w.add_array("t.nested", [[1, 2], [3], [4, 5, 6]])
    for i, name in enumerate(TYPES):
        add_tensor(w, i, f"tensor.{name}", name, 3, 256)
    finish(w)


def split(directory):
    w = gguf.GGUFWriter(str(directory / "split.gguf"), "llama", split_max_tensors=2)
    w.add_string("general.name", "split model")
    for i in range(5):
        add_tensor(w, i, f"tensor.{i}", "F32", 2, 32)
    finish(w)


def version_2(path, source):
    data = bytearray(source.read_bytes())
    data[4:8] = (2).to_bytes(4, "little")  # version 3 only added big-endian files
    path.write_bytes(data)


def safetensors(path):
    save_file({
        "f32": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "f16": torch.tensor([1.5, -2.0], dtype=torch.float16),
        "bf16": torch.tensor([[0.5], [3.0]], dtype=torch.bfloat16),
        "i64": torch.tensor([2**40, -1]),
        "scalar": torch.tensor(7, dtype=torch.int32),
        "empty": torch.zeros(0, 4),
        "mask": torch.tensor([True, False, True]),
    }, path, metadata={"format": "pt", "note": "Größe"})


def folder(directory):
    directory.mkdir(exist_ok=True)
    names = ["model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight", "model.norm.weight"]
    state = {name: torch.full((4, 8), float(i), dtype=torch.bfloat16) for i, name in enumerate(names)}
    save_torch_state_dict(state, directory, max_shard_size=64)
    for name, value in {
        "config.json": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8,
                        "rope_scaling": None, "rms_norm_eps": 1e-05, "dtype": "bfloat16"},
        "generation_config.json": {"eos_token_id": [1, 2], "temperature": 0.6},
        "tokenizer_config.json": {"chat_template": [{"name": "default", "template": "{{ messages }}"},
                                                    {"name": "tool_use", "template": "{{ tools }}"}],
                                  "model_max_length": 1000000000000000019884624838656},
        "tokenizer.json": {"version": "1.0", "model": {"type": "BPE"}},
    }.items():
        (directory / name).write_text(json.dumps(value, indent=2) + "\n")


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                       pathlib.Path(__file__).parent.parent / "tests/data/formats")
    out.mkdir(parents=True, exist_ok=True)
    everything(out / "everything.gguf")
    split(out)
    w = gguf.GGUFWriter(str(out / "small.gguf"), "gpt2")
    add_tensor(w, 0, "only", "F16", 2, 5)
    finish(w)
    version_2(out / "version2.gguf", out / "small.gguf")
    w = gguf.GGUFWriter(str(out / "vocabulary.gguf"), "llama")
    w.add_token_list(["<unk>", "a", "b"])
    finish(w)
    safetensors(out / "types.safetensors")
    folder(out / "folder")


if __name__ == "__main__":
    main()
