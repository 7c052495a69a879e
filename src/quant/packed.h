// Weights packed for the CPU: the N16K4 layout that every ISA's matrix products read.
//
// Rows are taken in groups of 16 (the int32 lanes of a zmm, of two ymm, of four NEON registers),
// columns in blocks of 32. A line is 64 B: byte[4r + i] belongs to row r (0…15) of the group and
// column 4j + i of line j, so that one line is the operand of a 4-way int8 dot product of 16 rows.
//   4-bit plane of a block: 4 lines; line j holds column 4j+i in the low and 16+4j+i in the high
//     nibble (j = 0…3): two ready operands by `and` and `shift, and`.
//   5th bit, or 5th and 6th bit: an extra plane of 1 or 2 lines after it.
//   8 bits: 8 lines, line j holds columns 4j+i.
// Float kinds: [group][k][16 rows]. Rows beyond n_rows are zero.
//
// Plain structs only: kernel files include this header.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace slip {

constexpr int kRowGroup = 16;
constexpr int kPackedBlock = 32;

enum class PackedKind : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,    // 4 bits, f16 scale, zero 8
  kQ4_1,    // 4 bits, f16 scale and min
  kQ5_0,    // 5 bits, f16 scale, zero 16
  kQ5_1,    // 5 bits, f16 scale and min
  kQ8_0,    // 8 bits, f16 scale, signed
  kQ2_K,    // 2 bits, 4-bit sub-scale and sub-min per 16, f16 supers per 256
  kQ3_K,    // 3 bits, 6-bit signed sub-scale per 16, f16 super, zero 4
  kQ4_K,    // 4 bits, 6-bit sub-scale and sub-min per 32, f16 supers per 256
  kQ5_K,    // 5 bits, the same
  kQ6_K,    // 6 bits, s8 sub-scale per 16, f16 super, zero 32
  kIQ4_NL,  // 4-bit index into a signed codebook, f16 scale
  kIQ4_XS,  // the same, 6-bit signed sub-scale per 32, f16 super per 256
  kMXFP4,   // 4-bit index into the doubled e2m1 codebook, e8m0 scale per 32 (halved)
};

// A packed matrix: a view, plain so that kernels can take it. The owner is model/linear.h.
struct PackedMatrix {
  const uint8_t* data;  // 64-byte aligned
  int64_t n_rows;
  int64_t n_cols;       // multiple of 32 for quantised kinds (256 for super-block kinds)
  int64_t group_bytes;  // bytes from one group of 16 rows to the next, multiple of 64
  PackedKind kind;
};

}  // namespace slip
