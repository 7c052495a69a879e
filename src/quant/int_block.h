// A view of 32 consecutive weights of a row that is the same for every quantised format: what the
// weight packers of the kernels read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace slip {

// The scales as they are stored: a factor of the (super-)block times a small integer per group.
//   scale[h] = value(d) * sub_scale[h]        min[h] = -f16(dmin) * sub_min[h]
// value(d) is the f16 with these bits, or 2^(d - 128) where the format's ScaleType is kE8M0 (MXFP4:
// half the stored power of two, because its codebook is doubled). Formats without sub-scales have
// sub_scale = 1. Formats without mins have dmin = sub_min = 0. Q4_1 and Q5_1 store +m: here
// dmin = -m and sub_min = 1.
struct RawScales {
  std::uint16_t d;
  std::uint16_t dmin;
  std::int8_t sub_scale[2];
  std::uint8_t sub_min[2];
};

// Weight i (0..31) with h = i / 16 is
//   scale[h] * (q[i] - zero_point) + min[h]      formats without a codebook
//   scale[h] * codebook[q[i]]                    formats with one
// with zero_point and codebook of the QuantFormat. q[i] < 2^bits. scale and min are the exact f32
// values that the format defines. Where one scale serves 32 weights (granularity 32) both entries
// are equal.
struct IntBlock32 {
  std::uint8_t q[32];
  float scale[2];
  float min[2];
  RawScales raw;
};

// The block_idx-th group of 32 weights of a row that starts at `row`. `type` must be a quantised
// format (QuantFormat::unpack is not null). For loops, take the function pointer once instead.
void unpack_block32(DType type, const std::byte* row, std::int64_t block_idx, IntBlock32& out);

}  // namespace slip
