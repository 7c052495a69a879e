#include "quant/pack.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "quant/formats/iq4_nl.h"
#include "quant/formats/mxfp4.h"
#include "quant/formats/q4_0.h"
#include "quant/formats/q4_1.h"
#include "quant/formats/q5_0.h"
#include "quant/formats/q5_1.h"
#include "quant/formats/q8_0.h"
#include "quant/pack_block.h"
#include "quant/packers.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

struct PackFormat {
  DType type;
  PackedKind kind;
  GroupPacker pack;
};

void put_factors(const PackedLayout& layout, const RawScales& raw, int row, std::uint8_t* head) {
  store_u16(head + 2 * row, raw.d);
  if (layout.has_min) store_u16(head + 32 + 2 * row, raw.dmin ^ 0x8000);
}

void put_scales(const PackedLayout& layout, const RawScales& raw, int row, std::uint8_t* scales) {
  const int halves = 32 / layout.granule;
  switch (layout.scale) {
    case PackedScale::kNone:
      break;
    case PackedScale::kF16:
      put_factors(layout, raw, row, scales);
      break;
    case PackedScale::kInt8:
      for (int h = 0; h < halves; ++h) {
        scales[16 * h + row] = static_cast<std::uint8_t>(raw.sub_scale[h]);
        if (layout.has_min) scales[16 * (halves + h) + row] = raw.sub_min[h];
      }
      break;
    case PackedScale::kNibbles:
      for (int h = 0; h < halves; ++h) {
        scales[16 * h + row] = static_cast<std::uint8_t>(raw.sub_scale[h] | (raw.sub_min[h] << 4));
      }
      break;
    case PackedScale::kE8M0:
      scales[row] = static_cast<std::uint8_t>(raw.d);
      break;
  }
}

// Any quantised format, through its reference decoder; the common ones have faster ways.
void pack_any(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out) {
  const auto unpack = quant_format(rows.type).unpack;
  const std::int64_t n_blocks = rows.n_cols / kPackedBlock;
  for (std::int64_t b = 0; b < n_blocks; ++b) {
    const bool starts_super_block = layout.head_bytes != 0 && b % kSuperBlocks == 0;
    std::uint8_t* block = out + (starts_super_block ? layout.head_bytes : 0);
    for (int r = 0; r < rows.n_rows; ++r) {
      IntBlock32 ints;
      unpack(rows.row(r), b, ints);
      if (starts_super_block) put_factors(layout, ints.raw, r, out);
      put_planes(layout, ints.q, block + 4 * r);
      put_scales(layout, ints.raw, r, block + plane_bytes(layout));
    }
    out = block + layout.block_bytes;
  }
}

// Formats of 32 weights with an f16 factor, or an f16 factor and min, whose nibbles are in the
// order of the lines already: a transposition of 4-byte units.
template <class Block>
void pack_simple(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out) {
  const std::int64_t n_blocks = rows.n_cols / kPackedBlock;
  for (std::int64_t b = 0; b < n_blocks; ++b, out += layout.block_bytes) {
    std::uint8_t* scales = out + plane_bytes(layout);
    for (int r = 0; r < rows.n_rows; ++r) {
      Block block;
      std::memcpy(&block, rows.row(r) + b * static_cast<std::int64_t>(sizeof block), sizeof block);
      if constexpr (requires { block.e; }) {
        scales[r] = block.e;
      } else {
        store_u16(scales + 2 * r, block.d);
      }
      if constexpr (requires { block.m; }) store_u16(scales + 32 + 2 * r, block.m);
      if constexpr (sizeof(block.qs) == 32) {
        put_byte_lines(reinterpret_cast<const std::uint8_t*>(block.qs), out + 4 * r);
      } else {
        put_nibble_lines(block.qs, out + 4 * r);
      }
      if constexpr (requires { block.qh; }) {
        std::uint8_t bits[32] = {};
        add_mask_bits(block.qh, 0, bits);
        put_one_bit_line(bits, 0, out + 4 * kLineBytes + 4 * r);
      }
    }
  }
}

// Float kinds: elements as they are, transposed to [k][16 rows].
template <class Element>
void pack_float(const GroupRows& rows, const PackedLayout& /*layout*/, std::uint8_t* out) {
  for (std::int64_t k = 0; k < rows.n_cols; ++k, out += kRowGroup * sizeof(Element)) {
    for (int r = 0; r < rows.n_rows; ++r) {
      std::memcpy(out + r * sizeof(Element), rows.row(r) + k * sizeof(Element), sizeof(Element));
    }
  }
}

constexpr std::array kFormats = {
    PackFormat{DType::kF32, PackedKind::kF32, pack_float<std::uint32_t>},
    PackFormat{DType::kF16, PackedKind::kF16, pack_float<std::uint16_t>},
    PackFormat{DType::kBF16, PackedKind::kBF16, pack_float<std::uint16_t>},
    PackFormat{DType::kQ4_0, PackedKind::kQ4_0, pack_simple<BlockQ4_0>},
    PackFormat{DType::kQ4_1, PackedKind::kQ4_1, pack_simple<BlockQ4_1>},
    PackFormat{DType::kQ5_0, PackedKind::kQ5_0, pack_simple<BlockQ5_0>},
    PackFormat{DType::kQ5_1, PackedKind::kQ5_1, pack_simple<BlockQ5_1>},
    PackFormat{DType::kQ8_0, PackedKind::kQ8_0, pack_simple<BlockQ8_0>},
    PackFormat{DType::kQ2_K, PackedKind::kQ2_K, pack_any},
    PackFormat{DType::kQ3_K, PackedKind::kQ3_K, pack_any},
    PackFormat{DType::kQ4_K, PackedKind::kQ4_K, pack_q4_k},
    PackFormat{DType::kQ5_K, PackedKind::kQ5_K, pack_q5_k},
    PackFormat{DType::kQ6_K, PackedKind::kQ6_K, pack_q6_k},
    PackFormat{DType::kIQ4_NL, PackedKind::kIQ4_NL, pack_simple<BlockIQ4_NL>},
    PackFormat{DType::kIQ4_XS, PackedKind::kIQ4_XS, pack_iq4_xs},
    PackFormat{DType::kMXFP4, PackedKind::kMXFP4, pack_simple<BlockMXFP4>},
};

const PackFormat* find_format(DType type) {
  const auto it = std::find_if(kFormats.begin(), kFormats.end(),
                               [&](const PackFormat& format) { return format.type == type; });
  return it == kFormats.end() ? nullptr : &*it;
}

GroupRows group_rows(const TensorView& tensor, std::int64_t group) {
  const std::int64_t left = tensor.n_rows() - group * kRowGroup;
  SLIP_CHECK(left > 0);
  return {.type = tensor.dtype,
          .first = tensor.row(group * kRowGroup),
          .stride = tensor.row_bytes(),
          .n_rows = static_cast<int>(std::min<std::int64_t>(left, kRowGroup)),
          .n_cols = tensor.n_cols()};
}

}  // namespace

Result<PackedKind> packed_kind(DType type) {
  if (const PackFormat* format = find_format(type)) return format->kind;
  return fail(ErrorKind::kUnsupported,
              "weight matrix: expected a float or block-quantised type, got {}", dtype_name(type));
}

std::int64_t packed_group_bytes(PackedKind kind, std::int64_t n_cols) {
  std::int64_t bytes = 0;
  if (kind == PackedKind::kF32) {
    bytes = n_cols * kRowGroup * 4;
  } else if (kind == PackedKind::kF16 || kind == PackedKind::kBF16) {
    bytes = n_cols * kRowGroup * 2;
  } else {
    const PackedLayout& layout = kPackedLayouts[static_cast<std::size_t>(kind)];
    const std::int64_t n_blocks = n_cols / kPackedBlock;
    bytes = n_blocks * layout.block_bytes + n_blocks / kSuperBlocks * layout.head_bytes;
  }
  return (bytes + 63) / 64 * 64;
}

void pack_groups(const TensorView& tensor, std::int64_t group_begin, std::int64_t group_end,
                 std::uint8_t* out) {
  const PackFormat* format = find_format(tensor.dtype);
  SLIP_CHECK(format != nullptr);
  const std::int64_t group_bytes = packed_group_bytes(format->kind, tensor.n_cols());
  for (std::int64_t group = group_begin; group < group_end; ++group) {
    const GroupRows rows = group_rows(tensor, group);
    std::uint8_t* begin = out + (group - group_begin) * group_bytes;
    if (rows.n_rows < kRowGroup) {
      std::memset(begin, 0, static_cast<std::size_t>(group_bytes));
    } else {
      std::memset(begin + group_bytes - 64, 0, 64);  // the padding at the end
    }
    format->pack(rows, kPackedLayouts[static_cast<std::size_t>(format->kind)], begin);
  }
}

void decode_group(const TensorView& tensor, std::int64_t group, float* out) {
  constexpr std::int64_t kChunk = 256;  // a multiple of every block size; 16 rows of it stay in L1
  const QuantFormat& format = quant_format(tensor.dtype);
  const DTypeInfo& info = dtype_info(tensor.dtype);
  const GroupRows rows = group_rows(tensor, group);
  alignas(64) float chunk[kRowGroup][kChunk];
  for (int r = rows.n_rows; r < kRowGroup; ++r) std::fill_n(chunk[r], kChunk, 0.0f);
  for (std::int64_t begin = 0; begin < rows.n_cols; begin += kChunk) {
    const std::int64_t n = std::min(kChunk, rows.n_cols - begin);
    for (int r = 0; r < rows.n_rows; ++r) {
      format.decode_row(rows.row(r) + begin / info.block_size * info.block_bytes, n, chunk[r]);
    }
    for (std::int64_t k = 0; k < n; ++k, out += kRowGroup) {
      for (int r = 0; r < kRowGroup; ++r) out[r] = chunk[r][k];
    }
  }
}

}  // namespace slip
