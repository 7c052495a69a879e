// Weights packed for the CPU: the N16K4 layout that every ISA's matrix products read.
//
// Rows are taken in groups of 16 (the int32 lanes of a zmm, of two ymm, of four NEON registers),
// columns in blocks of 32. A line is 64 B: byte[4r + i] belongs to row r (0…15) of the group and to
// a column 4s + i, so that one line of bytes is the operand of a 4-way int8 dot product of 16 rows.
// Step s (0…7) of a block is columns 4s … 4s + 3. A block is, in this order,
//   its base plane   4 bits: 4 lines, line j holds step j in the low and step 4 + j in the high
//                      nibble: two ready operands by `and` and `shift, and`;
//                    8 bits: 8 lines, line s holds step s, signed;
//                    2 bits: 2 lines, line t holds steps 4t … 4t + 3 in bits 0-1, 2-3, 4-5, 6-7;
//   its extra plane  1 bit: 1 line, bit s of a byte belongs to step s; 2 bits: as the base plane of
//                      2 bits. They are the bits above those of the base plane;
//   its scales       and then its mins, one for each of the 16 rows: f16, or integers
//   (PackedScale),
//                      16 for columns 0 … 15 and then 16 for columns 16 … 31 where granule is 16.
// Kinds with integer scales have the f16 factors of 256 columns ahead of their 8 blocks: 16 for the
// scales, then 16 for the mins. A min is the product of a factor and an integer, or an f16: the
// value that is added, so the factors of Q2_K, Q4_K and Q5_K have the opposite sign of the file's.
// Blocks follow each other without gaps; a group ends at a multiple of 64 B.
// Float kinds: [group][k][16 rows]. Rows beyond n_rows are zero, and so is what fills a last line.
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

enum class PackedScale : uint8_t {
  kNone,     // float kinds
  kF16,      // f16 scale (and min)
  kInt8,     // s8 scale (and u8 min) times the factors of the super-block
  kNibbles,  // the same, scale in the low nibble of a byte and min in the high one
  kE8M0,     // biased exponent e: 2^(e - 128)
};

enum class PackedCodebook : uint8_t { kNone, kIQ4, kE2M1 };
extern const int8_t kIq4NlCodebook[16];  // of kIQ4; defined with the formats
extern const int8_t kMxfp4Codebook[16];  // of kE2M1

// The layout of a quantised kind, as described above.
struct PackedLayout {
  uint8_t base_bits;   // 2, 4 or 8
  uint8_t extra_bits;  // 0, 1 or 2
  uint8_t granule;     // columns that share a scale: 16 or 32
  uint8_t zero;        // w = scale * (q - zero) + min
  PackedScale scale;
  PackedCodebook codebook;  // w = scale * codebook[q]
  bool has_min;
  int16_t head_bytes;   // factors ahead of 8 blocks, 0 without
  int16_t block_bytes;  // planes, scales and mins of 32 columns
};

// By kind; the three float kinds have no blocks.
constexpr PackedLayout kPackedLayouts[] = {
    {0, 0, 0, 0, PackedScale::kNone, PackedCodebook::kNone, false, 0, 0},        // kF32
    {0, 0, 0, 0, PackedScale::kNone, PackedCodebook::kNone, false, 0, 0},        // kF16
    {0, 0, 0, 0, PackedScale::kNone, PackedCodebook::kNone, false, 0, 0},        // kBF16
    {4, 0, 32, 8, PackedScale::kF16, PackedCodebook::kNone, false, 0, 288},      // kQ4_0
    {4, 0, 32, 0, PackedScale::kF16, PackedCodebook::kNone, true, 0, 320},       // kQ4_1
    {4, 1, 32, 16, PackedScale::kF16, PackedCodebook::kNone, false, 0, 352},     // kQ5_0
    {4, 1, 32, 0, PackedScale::kF16, PackedCodebook::kNone, true, 0, 384},       // kQ5_1
    {8, 0, 32, 0, PackedScale::kF16, PackedCodebook::kNone, false, 0, 544},      // kQ8_0
    {2, 0, 16, 0, PackedScale::kNibbles, PackedCodebook::kNone, true, 64, 160},  // kQ2_K
    {2, 1, 16, 4, PackedScale::kInt8, PackedCodebook::kNone, false, 32, 224},    // kQ3_K
    {4, 0, 32, 0, PackedScale::kInt8, PackedCodebook::kNone, true, 64, 288},     // kQ4_K
    {4, 1, 32, 0, PackedScale::kInt8, PackedCodebook::kNone, true, 64, 352},     // kQ5_K
    {4, 2, 16, 32, PackedScale::kInt8, PackedCodebook::kNone, false, 32, 416},   // kQ6_K
    {4, 0, 32, 0, PackedScale::kF16, PackedCodebook::kIQ4, false, 0, 288},       // kIQ4_NL
    {4, 0, 32, 0, PackedScale::kInt8, PackedCodebook::kIQ4, false, 32, 272},     // kIQ4_XS
    {4, 0, 32, 0, PackedScale::kE8M0, PackedCodebook::kE2M1, false, 0, 272},     // kMXFP4
};

}  // namespace slip
