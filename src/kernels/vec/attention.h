// Attention in tiles of query rows, block by block of 256 keys (the recipe is in kernels.h).
//
// Both products of a block are matrix products with the C rows of the tile as columns: scores are
// lanes of 16 keys × rows, the weighted sum of V lanes of 16 dims × rows. K and V of a block are
// read once per tile, from the cache when there are several tiles, and everything else of a tile
// fits the L1 cache: q [head_dim][C], scores [C][256], o twice [C][head_dim].
#pragma once

#include "kernels/kernels.h"
#include "kernels/vec/attention_scores.h"
#include "kernels/vec/attention_tile.h"
#include "kernels/vec/attention_values.h"

namespace slip {
namespace {

// What the types of K and V decide of a tile, each for itself.
struct TileParts {
  void (*start)(QueryTile& t);
  void (*scores)(const QueryTile& t, const BlockKeys& keys);
  // Leaves block_o, and `sums` of rows that see something.
  void (*values)(const QueryTile& t, const BlockKeys& keys, BlockSum* sums);
};

template <class Scores, int C>
SLIP_INLINE void use_scores(TileParts& parts) {
  parts.start = start_rows<Scores, C>;
  parts.scores = score_block<Scores, C>;
}

template <int C>
TileParts tile_parts(const AttentionArgs& a) {
  TileParts parts = {};
  switch (a.k_type) {
    case KvType::kF32:
      use_scores<FloatScores<float>, C>(parts);
      break;
    case KvType::kF16:
      use_scores<FloatScores<F16>, C>(parts);
      break;
    case KvType::kBF16:
      use_scores<FloatScores<BF16>, C>(parts);
      break;
    case KvType::kI16:
      use_scores<IntegerScores<Words>, C>(parts);
      break;
    case KvType::kQ8_0:
      use_scores<IntegerScores<Bytes>, C>(parts);
      break;
    case KvType::kQ4_0:
      use_scores<IntegerScores<Nibbles>, C>(parts);
      break;
  }
  switch (a.v_type) {
    case KvType::kF32:
      parts.values = float_values<PlainKv<float>, C>;
      break;
    case KvType::kF16:
      parts.values = float_values<PlainKv<F16>, C>;
      break;
    case KvType::kBF16:
      parts.values = float_values<PlainKv<BF16>, C>;
      break;
    case KvType::kI16:
      parts.values = integer_values<C>;
      break;
    case KvType::kQ8_0:
      parts.values = float_values<ScaledKv<Bytes>, C>;
      break;
    case KvType::kQ4_0:
      parts.values = float_values<ScaledKv<Nibbles>, C>;
      break;
  }
  return parts;
}

SLIP_INLINE void merge_block(Merged& row, int n, BlockSum block, const float* block_o) {
  if (!row.is_started) {
    row = {row.o, block.m, block.l, true};
    for (int i = 0; i < n; i += kReduceLanes) store(row.o + i, load(block_o + i));
    return;
  }
  const float m = block.m > row.m ? block.m : row.m;
  const Vec keep_old = exp32(broadcast(row.m - m)), take_new = exp32(broadcast(block.m - m));
  row.m = m;
  row.l = first_lane(add(mul(broadcast(row.l), keep_old), mul(broadcast(block.l), take_new)));
  for (int i = 0; i < n; i += kReduceLanes) {
    store(row.o + i, add(mul(load(row.o + i), keep_old), mul(load(block_o + i), take_new)));
  }
}

SLIP_INLINE void finish_row(const Merged& row, int head_dim, float* out) {
  const Vec l = broadcast(row.l);
  for (int i = 0; i < head_dim; i += kReduceLanes) {
    store_n(out + i, div(load(row.o + i), l), least(head_dim - i, kReduceLanes));
  }
}

// Where AttentionArgs::blocks wants block `block_idx` of a row.
SLIP_INLINE float* block_place(const AttentionBlocks& blocks, int head_dim, int row,
                               int block_idx) {
  return blocks.at + row * blocks.row_stride +
         static_cast<int64_t>(block_idx - blocks.begin) * (padded_dim(head_dim) + kReduceLanes);
}

// A block of the tile's rows. Leaves block_o, and in `sums` the rest; l = 0 for rows that see
// nothing of it.
SLIP_INLINE void attend_block(const QueryTile& t, const TileParts& parts, int block_begin,
                              BlockSum sums[kMaxTileRows]) {
  BlockKeys keys;
  keys.begin = block_begin;
  keys.any = {kKeyBlock, 0};
  for (int r = 0; r < t.n_rows; ++r) {
    const KeyRange row = keys.rows[r] = visible(t, r, block_begin);
    sums[r] = {0, 0};
    if (is_empty(row)) continue;
    keys.any = {least(keys.any.begin, row.begin), most(keys.any.end, row.end)};
  }
  if (keys.any.begin >= keys.any.end) return;
  parts.scores(t, keys);
  parts.values(t, keys, sums);
}

template <int C>
SLIP_INLINE QueryTile start_tile(const AttentionArgs& a, int first_row, int n_rows) {
  QueryTile t;
  t.args = &a;
  t.first_row = first_row;
  t.n_rows = n_rows;
  t.stride = padded_dim(a.head_dim);
  t.scores = a.scratch;
  t.block_o = t.scores + C * kKeyBlock;
  float* o = t.block_o + C * t.stride;
  t.q = o + C * t.stride;
  for (int r = 0; r < C; ++r) t.merged[r] = {o + r * t.stride, 0, 0, false};
  return t;
}

SLIP_INLINE void attend_blocks_alone(const QueryTile& t, const TileParts& parts) {
  const AttentionBlocks& blocks = *t.args->blocks;
  BlockSum sums[kMaxTileRows];
  for (int b = blocks.begin; b < blocks.end; ++b) {
    attend_block(t, parts, b * kKeyBlock, sums);
    for (int r = 0; r < t.n_rows; ++r) {
      float* place = block_place(blocks, t.args->head_dim, t.first_row + r, b);
      place[t.stride] = sums[r].m;
      place[t.stride + 1] = sums[r].l;
      if (sums[r].l == 0) continue;
      const float* o = t.block_o + r * t.stride;
      for (int i = 0; i < t.stride; i += kReduceLanes) store(place + i, load(o + i));
    }
  }
}

template <int C>
void attend_tile(const AttentionArgs& a, int first_row, int n_rows) {
  QueryTile t = start_tile<C>(a, first_row, n_rows);
  const TileParts parts = tile_parts<C>(a);
  parts.start(t);
  if (a.blocks != nullptr) return attend_blocks_alone(t, parts);
  int first = a.first[first_row], last = a.last[first_row];
  for (int r = first_row; r < first_row + n_rows; ++r) {
    first = least(first, a.first[r]);
    last = most(last, a.last[r]);
  }
  BlockSum sums[kMaxTileRows];
  for (int begin = first / kKeyBlock * kKeyBlock; begin <= last; begin += kKeyBlock) {
    attend_block(t, parts, begin, sums);
    for (int r = 0; r < n_rows; ++r) {
      if (sums[r].l != 0) merge_block(t.merged[r], t.stride, sums[r], t.block_o + r * t.stride);
    }
  }
  for (int r = 0; r < n_rows; ++r) {
    finish_row(t.merged[r], a.head_dim, a.out + (first_row + r) * a.out_stride);
  }
}

// Tiles of few sizes: a size that isn't there takes the next one, computing rows for nothing.
SLIP_INLINE void attend_rows(const AttentionArgs& a, int first_row, int n_rows) {
  if (n_rows == 1) return attend_tile<1>(a, first_row, n_rows);
  if (n_rows == 2) return attend_tile<2>(a, first_row, n_rows);
  if (n_rows == 3) return attend_tile<3>(a, first_row, n_rows);
  if (n_rows == 4) return attend_tile<4>(a, first_row, n_rows);
  if (n_rows <= 6) return attend_tile<6>(a, first_row, n_rows);
  if constexpr (kMaxTileRows > 6) {
    if (n_rows <= 8) return attend_tile<8>(a, first_row, n_rows);
    attend_tile<kMaxTileRows>(a, first_row, n_rows);
  }
}

SLIP_INLINE void attention_merge_16(const AttentionMergeArgs& a) {
  const int stride = padded_dim(a.head_dim);
  for (int r = 0; r < a.n_rows; ++r) {
    Merged row = {a.scratch, 0, 0, false};
    for (int b = a.blocks.begin; b < a.blocks.end; ++b) {
      const float* block = block_place(a.blocks, a.head_dim, r, b);
      const BlockSum sum = {block[stride], block[stride + 1]};
      if (sum.l != 0) merge_block(row, stride, sum, block);
    }
    finish_row(row, a.head_dim, a.out + r * a.out_stride);
  }
}

SLIP_INLINE void attention_16(const AttentionArgs& a) {
  const int n_tiles = (a.n_rows + kMaxTileRows - 1) / kMaxTileRows;
  for (int tile = 0; tile < n_tiles; ++tile) {
    const int row = tile * a.n_rows / n_tiles, end = (tile + 1) * a.n_rows / n_tiles;
    attend_rows(a, row, end - row);
  }
}

}  // namespace
}  // namespace slip
