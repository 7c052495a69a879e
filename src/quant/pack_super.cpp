// Packing of the common formats with super-blocks of 256 weights, straight from the bit fields of
// the file: the planes of packed.h are shifts and masks of the file's bytes, eight at a time.
#include "quant/formats/iq4_xs.h"
#include "quant/formats/q4_k.h"
#include "quant/formats/q5_k.h"
#include "quant/formats/q6_k.h"
#include "quant/k_scales.h"
#include "quant/pack_block.h"
#include "quant/packers.h"

namespace slip {
namespace {

// Calls pack_row(block of the file, its row, where its factors go, where its 8 blocks go).
template <class Block, class PackRow>
void for_each_super_block(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out,
                          PackRow pack_row) {
  const std::int64_t n_supers = rows.n_cols / (kSuperBlocks * kPackedBlock);
  for (std::int64_t i = 0; i < n_supers; ++i) {
    std::uint8_t* blocks = out + layout.head_bytes;
    for (int r = 0; r < rows.n_rows; ++r) {
      Block in;
      std::memcpy(&in, rows.row(r) + i * static_cast<std::int64_t>(sizeof in), sizeof in);
      pack_row(in, r, out, blocks);
    }
    out = blocks + kSuperBlocks * layout.block_bytes;
  }
}

// 32 weights in the low (or high) nibbles of 32 bytes. In the file a byte pairs weights of two
// sub-blocks, here of the two halves of one.
template <bool kHighNibbles>
void put_nibbles_of(const std::uint8_t* bytes, std::uint8_t* lane) {
  const std::uint64_t low = repeat_byte(0x0f), high = repeat_byte(0xf0);
  for (int i = 0; i < 2; ++i, lane += 2 * kLineBytes) {
    const std::uint64_t first = load_u64(bytes + 8 * i), second = load_u64(bytes + 16 + 8 * i);
    const std::uint64_t pairs = kHighNibbles ? ((first & high) >> 4) | (second & high)
                                             : (first & low) | ((second & low) << 4);
    store_u32(lane, pairs);
    store_u32(lane + kLineBytes, pairs >> 32);
  }
}

// Q4_K, and Q5_K which has a plane of fifth bits besides.
template <class Block>
void pack_k_with_mins(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out) {
  for_each_super_block<Block>(
      rows, layout, out, [&](const Block& in, int r, std::uint8_t* head, std::uint8_t* blocks) {
        store_u16(head + 2 * r, in.d);
        store_u16(head + 32 + 2 * r, in.dmin ^ 0x8000);
        for (int sub = 0; sub < kSuperBlocks; ++sub, blocks += layout.block_bytes) {
          const std::uint8_t* bytes = in.qs + sub / 2 * 32;
          sub % 2 == 0 ? put_nibbles_of<false>(bytes, blocks + 4 * r)
                       : put_nibbles_of<true>(bytes, blocks + 4 * r);
          if constexpr (requires { in.qh; }) {
            put_one_bit_line(in.qh, sub, blocks + 4 * kLineBytes + 4 * r);
          }
          std::uint8_t* scales = blocks + plane_bytes(layout);
          scales[r] = static_cast<std::uint8_t>(k_scale(in.scales, sub));
          scales[16 + r] = k_min(in.scales, sub);
        }
      });
}

}  // namespace

void pack_q4_k(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out) {
  pack_k_with_mins<BlockQ4_K>(rows, layout, out);
}

void pack_q5_k(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out) {
  pack_k_with_mins<BlockQ5_K>(rows, layout, out);
}

void pack_q6_k(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out) {
  for_each_super_block<BlockQ6_K>(
      rows, layout, out, [&](const BlockQ6_K& in, int r, std::uint8_t* head, std::uint8_t* blocks) {
        store_u16(head + 2 * r, in.d);
        for (int sub = 0; sub < kSuperBlocks; ++sub, blocks += layout.block_bytes) {
          const int half = sub / 4, j = sub % 4;
          const std::uint8_t* bytes = in.ql + 64 * half + 32 * (j % 2);
          j < 2 ? put_nibbles_of<false>(bytes, blocks + 4 * r)
                : put_nibbles_of<true>(bytes, blocks + 4 * r);
          put_two_bit_lines(in.qh + 32 * half, 2 * j, blocks + 4 * kLineBytes + 4 * r);
          std::uint8_t* scales = blocks + plane_bytes(layout);
          scales[r] = static_cast<std::uint8_t>(in.scales[2 * sub]);
          scales[16 + r] = static_cast<std::uint8_t>(in.scales[2 * sub + 1]);
        }
      });
}

void pack_iq4_xs(const GroupRows& rows, const PackedLayout& layout, std::uint8_t* out) {
  for_each_super_block<BlockIQ4_XS>(
      rows, layout, out,
      [&](const BlockIQ4_XS& in, int r, std::uint8_t* head, std::uint8_t* blocks) {
        store_u16(head + 2 * r, in.d);
        for (int sub = 0; sub < kSuperBlocks; ++sub, blocks += layout.block_bytes) {
          put_nibble_lines(in.qs + 16 * sub, blocks + 4 * r);
          const int low = (in.scales_l[sub / 2] >> (sub % 2 * 4)) & 0x0f;
          const int high = (in.scales_h >> (2 * sub)) & 0x03;
          blocks[plane_bytes(layout) + r] = static_cast<std::uint8_t>((low | (high << 4)) - 32);
        }
      });
}

}  // namespace slip
