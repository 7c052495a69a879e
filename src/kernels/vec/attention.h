// Attention in tiles of query rows, block by block of 256 keys (the recipe is in kernels.h).
//
// Both products of a block are matrix products with the C rows of the tile as columns: scores are
// lanes of 16 keys × rows, the weighted sum of V lanes of 16 dims × rows. K and V of a block are
// read once per tile, from the cache when there are several tiles, and everything else of a tile
// fits the L1 cache: q [head_dim][C], scores [C][256], o twice [C][head_dim].
#pragma once

#include "kernels/kernels.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/kv.h"
#include "kernels/vec/math.h"
#include "kernels/vec/tile.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

inline constexpr int kBlockGroups = kKeyBlock / kReduceLanes;
inline constexpr int kPageGroups = kKvPageTokens / kReduceLanes;

// Floats of a row of o: whole vectors.
SLIP_INLINE int padded_dim(int head_dim) {
  return (head_dim + kReduceLanes - 1) / kReduceLanes * kReduceLanes;
}

// A row's attention over all blocks so far.
struct Merged {
  float* o;
  float m;
  float l;
  bool is_started;
};

// A tile of query rows and its memory, `stride` elements from one row of o to the next.
struct QueryTile {
  const AttentionArgs* args;
  int first_row;
  int n_rows;   // rows that are real
  int n_lanes;  // C: rows that are computed, the extra ones with q = 0
  int stride;
  float* q;        // [head_dim][C]
  float* scores;   // [C][kKeyBlock]; after the softmax e^(score - m)
  float* block_o;  // [C][stride]
  Merged merged[16];
};

// Keys of a block, relative to its beginning, that something sees: [begin, end), empty if equal.
struct KeyRange {
  int begin;
  int end;
};

SLIP_INLINE int least(int a, int b) {
  return a < b ? a : b;
}
SLIP_INLINE int most(int a, int b) {
  return a > b ? a : b;
}

SLIP_INLINE KeyRange visible(const QueryTile& t, int row, int block_begin) {
  const int first = t.args->first[t.first_row + row] - block_begin;
  const int end = t.args->last[t.first_row + row] + 1 - block_begin;
  const KeyRange range = {most(first, 0), least(end, kKeyBlock)};
  return range.begin < range.end ? range : KeyRange{0, 0};
}

// scores[c][16 group …] = q_c · k for G groups of 16 keys from `group` (of the sequence) on.
template <class Kv, int G, int C>
__attribute__((noinline)) void score_groups(const QueryTile& t, int group, float* scores) {
  const int head_dim = t.args->head_dim;
  typename Kv::Keys keys[G];
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) {
    const KvPagePtr& page = t.args->pages[(group + g) / kPageGroups];
    keys[g] = Kv::keys(page.k, head_dim, (group + g) % kPageGroups);
  }
  Vec sum[G][C];
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) {
    SLIP_UNROLL
    for (int c = 0; c < C; ++c) sum[g][c] = broadcast(0);
  }
  const float* q = t.q;
  for (int dim = 0; dim < head_dim; ++dim, q += C) {
    Vec k[G];
    SLIP_UNROLL
    for (int g = 0; g < G; ++g) k[g] = keys[g].load(dim);
    SLIP_UNROLL
    for (int c = 0; c < C; ++c) {
      const Vec row = broadcast(q[c]);
      SLIP_UNROLL
      for (int g = 0; g < G; ++g) sum[g][c] = fma(row, k[g], sum[g][c]);
      keep(row);
    }
    SLIP_UNROLL
    for (int g = 0; g < G; ++g) keep(k[g]);
  }
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) {
    SLIP_UNROLL
    for (int c = 0; c < C; ++c) store(scores + c * kKeyBlock + g * kReduceLanes, sum[g][c]);
  }
}

template <class Kv, int C>
void score_block(const QueryTile& t, int block_begin, KeyRange keys) {
  // 8 chains of FMAs at least, when the rows alone don't make as many.
  constexpr int kGroups = tile_groups(C);
  int group = keys.begin / kReduceLanes;
  const int end = (keys.end + kReduceLanes - 1) / kReduceLanes;
  const int base = block_begin / kReduceLanes;
  for (; group + kGroups <= end; group += kGroups) {
    score_groups<Kv, kGroups, C>(t, base + group, t.scores + group * kReduceLanes);
  }
  for (; group < end; ++group) {
    score_groups<Kv, 1, C>(t, base + group, t.scores + group * kReduceLanes);
  }
}

// Lanes of the 16 keys from `key` on that are in the range.
SLIP_INLINE Mask lanes_in(KeyRange range, int key) {
  const Vec lanes = lane_numbers();
  return both(less(lanes, broadcast(static_cast<float>(range.end - key))),
              less(broadcast(static_cast<float>(range.begin - key - 1)), lanes));
}

// Scores of one row to e^(score - m); keys of the touched groups outside of the range get 0.
struct BlockSum {
  float m;
  float l;
};
SLIP_INLINE BlockSum softmax_row(const AttentionArgs& a, float* scores, KeyRange keys) {
  const int begin = keys.begin / kReduceLanes * kReduceLanes;
  const Vec scale = broadcast(a.scale), cap = broadcast(a.soft_cap);
  const Vec lowest = broadcast(-__builtin_inff());
  Vec max = lowest;
  for (int key = begin; key < keys.end; key += kReduceLanes) {
    Vec s = mul(load(scores + key), scale);
    if (a.soft_cap != 0) s = mul(cap, tanh32(div(s, cap)));
    if (key < keys.begin || key + kReduceLanes > keys.end) {
      s = select(lanes_in(keys, key), s, lowest);
    }
    store(scores + key, s);
    max = max_gt(s, max);
  }
  const float m = reduce_max(max);
  const Vec shift = broadcast(m);
  Vec sum = broadcast(0);
  for (int key = begin; key < keys.end; key += kReduceLanes) {
    Vec p = exp32(sub(load(scores + key), shift));
    if (key < keys.begin || key + kReduceLanes > keys.end) {
      p = select(lanes_in(keys, key), p, broadcast(0));
    }
    store(scores + key, p);
    sum = add(sum, p);
  }
  return {m, reduce16(sum)};
}

// block_o of rows row … row + C - 1 += p · v over keys [begin, end), F vectors from `dim` on; the
// last vector has 8 dims when kIsTail.
template <class Kv, int F, int C, bool kIsTail>
__attribute__((noinline)) void add_values(const QueryTile& t, int block_begin, KeyRange keys,
                                          int row, int dim) {
  const int head_dim = t.args->head_dim;
  float* o = t.block_o + row * t.stride + dim;
  const float* p = t.scores + row * kKeyBlock;
  Vec sum[C][F];
  SLIP_UNROLL
  for (int c = 0; c < C; ++c) {
    SLIP_UNROLL
    for (int f = 0; f < F; ++f) sum[c][f] = load(o + c * t.stride + f * kReduceLanes);
  }
  for (int key = keys.begin; key < keys.end;) {
    const int page_end = least((key / kKvPageTokens + 1) * kKvPageTokens, keys.end);
    const void* page = t.args->pages[(block_begin + key) / kKvPageTokens].v;
    for (; key < page_end; ++key) {
      const auto values = Kv::values(page, head_dim, key % kKvPageTokens);
      Vec v[F];
      SLIP_UNROLL
      for (int f = 0; f < F; ++f) {
        const int at = dim + f * kReduceLanes;
        v[f] = kIsTail ? values.load8(at) : values.load(at);
      }
      SLIP_UNROLL
      for (int c = 0; c < C; ++c) {
        const Vec weight = broadcast(p[c * kKeyBlock + key]);
        SLIP_UNROLL
        for (int f = 0; f < F; ++f) sum[c][f] = fma(weight, v[f], sum[c][f]);
        keep(weight);
      }
      SLIP_UNROLL
      for (int f = 0; f < F; ++f) keep(v[f]);
    }
  }
  SLIP_UNROLL
  for (int c = 0; c < C; ++c) {
    SLIP_UNROLL
    for (int f = 0; f < F; ++f) store(o + c * t.stride + f * kReduceLanes, sum[c][f]);
  }
}

template <class Kv, int C>
void add_values_all_dims(const QueryTile& t, int block_begin, KeyRange keys, int row) {
  if (keys.begin >= keys.end) return;
  constexpr int kVecs = tile_groups(C);
  const int head_dim = t.args->head_dim;
  int dim = 0;
  for (; dim + kVecs * kReduceLanes <= head_dim; dim += kVecs * kReduceLanes) {
    add_values<Kv, kVecs, C, false>(t, block_begin, keys, row, dim);
  }
  for (; dim + kReduceLanes <= head_dim; dim += kReduceLanes) {
    add_values<Kv, 1, C, false>(t, block_begin, keys, row, dim);
  }
  if (dim < head_dim) add_values<Kv, 1, C, true>(t, block_begin, keys, row, dim);
}

// The weighted sums of a block. Keys that all rows see are done for the tile at once; those before
// and after, which only some rows see, row by row: what others' memory holds there may not even be
// a number. Each row's keys stay in ascending order.
template <class Kv, int C>
void weigh_values(const QueryTile& t, int block_begin, const KeyRange* rows) {
  KeyRange common = {0, kKeyBlock};
  for (int r = 0; r < t.n_rows; ++r) {
    if (rows[r].begin == rows[r].end) continue;
    common = {most(common.begin, rows[r].begin), least(common.end, rows[r].end)};
  }
  if (common.begin > common.end) common = {kKeyBlock, kKeyBlock};
  for (int i = 0; i < C * t.stride; i += kReduceLanes) store(t.block_o + i, broadcast(0));
  for (int r = 0; r < t.n_rows; ++r) {
    const KeyRange before = {rows[r].begin, least(common.begin, rows[r].end)};
    add_values_all_dims<Kv, 1>(t, block_begin, before, r);
  }
  add_values_all_dims<Kv, C>(t, block_begin, common, 0);
  for (int r = 0; r < t.n_rows; ++r) {
    const KeyRange after = {most(common.end, rows[r].begin), rows[r].end};
    add_values_all_dims<Kv, 1>(t, block_begin, after, r);
  }
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
template <class Kv, int C>
void attend_block(const QueryTile& t, int block_begin, BlockSum sums[kMaxTileRows]) {
  KeyRange rows[kMaxTileRows];
  KeyRange any = {kKeyBlock, 0};
  for (int r = 0; r < t.n_rows; ++r) {
    rows[r] = visible(t, r, block_begin);
    sums[r] = {0, 0};
    if (rows[r].begin == rows[r].end) continue;
    any = {least(any.begin, rows[r].begin), most(any.end, rows[r].end)};
  }
  if (any.begin >= any.end) return;
  score_block<Kv, C>(t, block_begin, any);
  for (int r = 0; r < t.n_rows; ++r) {
    if (rows[r].begin == rows[r].end) continue;
    sums[r] = softmax_row(*t.args, t.scores + r * kKeyBlock, rows[r]);
  }
  weigh_values<Kv, C>(t, block_begin, rows);
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
  for (int r = 0; r < C; ++r) {
    const float* q = a.q + (first_row + r) * a.q_stride;
    for (int i = 0; i < a.head_dim; ++i) t.q[i * C + r] = r < n_rows ? q[i] : 0.0F;
    t.merged[r] = {o + r * t.stride, 0, 0, false};
  }
  return t;
}

template <class Kv, int C>
void attend_blocks_alone(const QueryTile& t) {
  const AttentionBlocks& blocks = *t.args->blocks;
  BlockSum sums[kMaxTileRows];
  for (int b = blocks.begin; b < blocks.end; ++b) {
    attend_block<Kv, C>(t, b * kKeyBlock, sums);
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

template <class Kv, int C>
void attend_tile(const AttentionArgs& a, int first_row, int n_rows) {
  QueryTile t = start_tile<C>(a, first_row, n_rows);
  if (a.blocks != nullptr) return attend_blocks_alone<Kv, C>(t);
  int first = a.first[first_row], last = a.last[first_row];
  for (int r = first_row; r < first_row + n_rows; ++r) {
    first = least(first, a.first[r]);
    last = most(last, a.last[r]);
  }
  BlockSum sums[kMaxTileRows];
  for (int begin = first / kKeyBlock * kKeyBlock; begin <= last; begin += kKeyBlock) {
    attend_block<Kv, C>(t, begin, sums);
    for (int r = 0; r < n_rows; ++r) {
      if (sums[r].l != 0) merge_block(t.merged[r], t.stride, sums[r], t.block_o + r * t.stride);
    }
  }
  for (int r = 0; r < n_rows; ++r) {
    finish_row(t.merged[r], a.head_dim, a.out + (first_row + r) * a.out_stride);
  }
}

// Tiles of few sizes: a size that isn't there takes the next one, computing rows for nothing.
template <class Kv>
SLIP_INLINE void attend_rows(const AttentionArgs& a, int first_row, int n_rows) {
  if (n_rows == 1) return attend_tile<Kv, 1>(a, first_row, n_rows);
  if (n_rows == 2) return attend_tile<Kv, 2>(a, first_row, n_rows);
  if (n_rows == 3) return attend_tile<Kv, 3>(a, first_row, n_rows);
  if (n_rows == 4) return attend_tile<Kv, 4>(a, first_row, n_rows);
  if (n_rows <= 6) return attend_tile<Kv, 6>(a, first_row, n_rows);
  if constexpr (kMaxTileRows > 6) {
    if (n_rows <= 8) return attend_tile<Kv, 8>(a, first_row, n_rows);
    attend_tile<Kv, kMaxTileRows>(a, first_row, n_rows);
  }
}

template <class Kv>
void attention_typed(const AttentionArgs& a) {
  const int n_tiles = (a.n_rows + kMaxTileRows - 1) / kMaxTileRows;
  for (int tile = 0; tile < n_tiles; ++tile) {
    const int row = tile * a.n_rows / n_tiles, end = (tile + 1) * a.n_rows / n_tiles;
    attend_rows<Kv>(a, row, end - row);
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
  switch (a.type) {
    case KvType::kF32:
      return attention_typed<PlainKv<float>>(a);
    case KvType::kF16:
      return attention_typed<PlainKv<F16>>(a);
    case KvType::kBF16:
      return attention_typed<PlainKv<BF16>>(a);
    case KvType::kQ8_0:
      return attention_typed<QuantisedKv<Bytes>>(a);
    case KvType::kQ4_0:
      return attention_typed<QuantisedKv<Nibbles>>(a);
  }
}

}  // namespace
}  // namespace slip
