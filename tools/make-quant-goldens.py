#!/usr/bin/env python3
"""Writes tests/data/quant/: reference decodings and encodings of every quantised format.

Needs the PyPI package `gguf` (written with 0.19), the format's definition. Per format NAME:
  NAME.decode.bin  blocks of random bytes with random, extreme and zero scales, and their values
  NAME.encode.bin  values and the blocks that gguf.quants.quantize makes of them (simple formats)
Both: u32 number of bytes of the blocks, the blocks, then the values as f32 to the end of the file.

Usage: tools/make-quant-goldens.py [output folder]
"""
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

# Byte offsets of the f16 factors in a block.
HALVES = {
    "Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,),
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
    "IQ4_NL": (0,), "IQ4_XS": (0,), "MXFP4": (),
}
ENCODED = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "MXFP4")
# Zeros, the smallest and largest subnormal, the smallest and largest normal, one, and some signs.
EXTREME = np.array([0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF],
                   dtype=np.uint16)


def random_blocks(name, rng):
    block_size, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    n_blocks = 8 if block_size == 256 else 32
    blocks = rng.integers(0, 256, (n_blocks, block_bytes), dtype=np.uint8)
    for offset in HALVES[name]:
        factors = rng.normal(0, 0.01, n_blocks).astype(np.float16).view(np.uint16)
        extreme = rng.permutation(EXTREME)[: n_blocks // 2]
        factors[: len(extreme)] = extreme
        blocks[:, offset : offset + 2] = rng.permutation(factors).view(np.uint8).reshape(-1, 2)
    if name == "MXFP4":  # every kind of exponent whose values an f32 can hold
        blocks[:, 0] = rng.permutation(np.concatenate([np.arange(8), rng.integers(8, 252, n_blocks - 8)]))
    return blocks


def random_values(rng):
    scales = np.repeat(10.0 ** rng.uniform(-4, 3, 32), 32)
    values = (rng.normal(0, 1, 32 * 32) * scales).astype(np.float32)
    values[:32] = 0.0
    values[32:64] = values[32]  # constant
    values[64:96] = np.abs(values[64:96])
    values[96:128] = -np.abs(values[96:128])
    values[128:160] = np.round(values[128:160] / np.abs(values[128:160]).max() * 12)  # ties
    values[160:192] = 0.0
    values[170] = -3.5
    return values


def save(path, blocks, values):
    data = np.ascontiguousarray(blocks).tobytes()
    path.write_bytes(np.uint32(len(data)).tobytes() + data + values.astype("<f4").tobytes())


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/quant")
    folder.mkdir(parents=True, exist_ok=True)
    for name in HALVES:
        rng = np.random.default_rng([ord(c) for c in name])
        kind = GGMLQuantizationType[name]
        blocks = random_blocks(name, rng)
        decoded = quants.dequantize(blocks, kind).reshape(-1)
        assert np.isfinite(decoded).all(), name
        save(folder / f"{name}.decode.bin", blocks, decoded)
        if name in ENCODED:
            values = random_values(rng)
            save(folder / f"{name}.encode.bin", quants.quantize(values.reshape(1, -1), kind), values)


if __name__ == "__main__":
    main()
