// From scores to a block's weighted sums of V, by type of V: floats, or integers by pairs of keys.
#pragma once

#include "kernels/vec/attention_tile.h"
#include "kernels/vec/fixed.h"
#include "kernels/vec/math.h"

namespace slip {
namespace {

// What is done to each row of scores goes through all rows before the next step: at the end of a
// row its sums take a while, in which the next row goes on.

// Products to scores; keys of the touched groups outside of the range get -inf. Returns the
// largest.
SLIP_INLINE float scale_row(const QueryTile& t, int row, KeyRange keys) {
  float* scores = t.scores + row * kKeyBlock;
  const float soft_cap = t.args->soft_cap;
  const Vec scale = broadcast(t.q_scale[row]), cap = broadcast(soft_cap);
  const Vec lowest = broadcast(-__builtin_inff());
  Vec max = lowest;
  const auto score = [&](int key) {
    const Vec s = mul(load(scores + key), scale);
    return soft_cap == 0 ? s : mul(cap, tanh32(div(s, cap)));
  };
  const auto keep_score = [&](int key, Vec s) {
    store(scores + key, s);
    max = max_gt(s, max);
  };
  int key = keys.begin / kReduceLanes * kReduceLanes;
  if (key < keys.begin) {
    keep_score(key, select(lanes_in(keys, key), score(key), lowest));
    key += kReduceLanes;
  }
  for (; key + kReduceLanes <= keys.end; key += kReduceLanes) keep_score(key, score(key));
  if (key < keys.end) keep_score(key, select(lanes_in(keys, key), score(key), lowest));
  return reduce_max(max);
}

// Gives `each` group of 16 keys p = e^(score - m), 0 for those out of the range; returns their sum.
template <class Each>
SLIP_INLINE float exp_row(const QueryTile& t, int row, KeyRange keys, float m, Each each) {
  const float* scores = t.scores + row * kKeyBlock;
  const Vec shift = broadcast(m);
  Vec sum = broadcast(0);
  for (int key = keys.begin / kReduceLanes * kReduceLanes; key < keys.end; key += kReduceLanes) {
    const Vec p = exp32_not_above_0(sub(load(scores + key), shift));
    each(key, p);
    sum = add(sum, p);
  }
  return reduce16(sum);
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

// Dims from `dim` on, F vectors at a time and fewer for the rest.
template <class Kv, int F, int C>
SLIP_INLINE void add_values_from(const QueryTile& t, int block_begin, KeyRange keys, int row,
                                 int dim) {
  const int head_dim = t.args->head_dim;
  for (; dim + F * kReduceLanes <= head_dim; dim += F * kReduceLanes) {
    add_values<Kv, F, C, false>(t, block_begin, keys, row, dim);
  }
  if constexpr (F > 1) {
    add_values_from<Kv, F / 2, C>(t, block_begin, keys, row, dim);
  } else {
    if (dim < head_dim) add_values<Kv, 1, C, true>(t, block_begin, keys, row, dim);
  }
}

template <class Kv, int C>
void add_values_all_dims(const QueryTile& t, int block_begin, KeyRange keys, int row) {
  if (keys.begin >= keys.end) return;
  add_values_from<Kv, tile_groups(C), C>(t, block_begin, keys, row, 0);
}

// The weighted sums of a block. Keys that all rows see are done for the tile at once; those before
// and after, which only some rows see, row by row: what others' memory holds there may not even be
// a number. Each row's keys stay in ascending order.
template <class Kv, int C>
void weigh_floats(const QueryTile& t, const BlockKeys& keys) {
  const KeyRange* rows = keys.rows;
  const int block_begin = keys.begin;
  KeyRange common = {0, kKeyBlock};
  for (int r = 0; r < t.n_rows; ++r) {
    if (is_empty(rows[r])) continue;
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

// V as floats.
template <class Kv, int C>
void float_values(const QueryTile& t, const BlockKeys& keys, BlockSum* sums) {
  for (int r = 0; r < t.n_rows; ++r) {
    if (!is_empty(keys.rows[r])) sums[r].m = scale_row(t, r, keys.rows[r]);
  }
  for (int r = 0; r < t.n_rows; ++r) {
    if (is_empty(keys.rows[r])) continue;
    float* p = t.scores + r * kKeyBlock;
    const auto keep_p = [p](int key, Vec x) { store(p + key, x); };
    sums[r].l = exp_row(t, r, keys.rows[r], sums[r].m, keep_p);
  }
  weigh_floats<Kv, C>(t, keys);
}

// A row's scores become weights: p times the scale of V. Returns the sum of p, and in `fixed` how
// the weights become integers.
SLIP_INLINE float weigh_row(const QueryTile& t, const BlockKeys& keys, int row, float m,
                            FixedPoint* fixed) {
  float* weights = t.scores + row * kKeyBlock;
  Magnitudes of_weights;
  const KvPagePtr* pages = t.args->pages + keys.begin / kKvPageTokens;
  const auto weigh = [&](int key, Vec p) {
    const void* page = pages[key / kKvPageTokens].v;
    const float* scales = scales_of<Words>(page, t.stride) + key % kKvPageTokens;
    const Vec w = select(less(broadcast(0), p), mul(p, load(scales)), broadcast(0));
    store(weights + key, w);
    of_weights.max = max_gt(w, of_weights.max);
    of_weights.sum = add(of_weights.sum, w);
  };
  const float l = exp_row(t, row, keys.rows[row], m, weigh);
  *fixed = fixed_point(of_weights);
  return l;
}

// A row's weights become integers in their place, with zeros for keys that others alone see.
SLIP_INLINE void fix_row(const QueryTile& t, const BlockKeys& keys, int row, float inverse) {
  const float* weights = t.scores + row * kKeyBlock;
  int16_t* integers = reinterpret_cast<int16_t*>(t.scores + row * kKeyBlock);
  const KeyRange own = keys.rows[row];
  int key = keys.any.begin / kReduceLanes * kReduceLanes;
  for (; key + kReduceLanes <= own.begin; key += kReduceLanes) narrow(integers + key, broadcast(0));
  for (; key < own.end; key += kReduceLanes) {
    store_fixed(integers + key, load(weights + key), inverse);
  }
  for (; key < keys.any.end; key += kReduceLanes) narrow(integers + key, broadcast(0));
}

// block_o of all rows, F vectors from `dim` on.
template <int F, int C>
__attribute__((noinline)) void add_pairs(const QueryTile& t, const BlockKeys& keys,
                                         const FixedPoint* fixed, int dim) {
  IntVec sum[C][F];
  SLIP_UNROLL
  for (int c = 0; c < C; ++c) {
    SLIP_UNROLL
    for (int f = 0; f < F; ++f) sum[c][f] = zero_ints();
  }
  const int32_t* p = reinterpret_cast<const int32_t*>(t.scores);
  const int end = (keys.any.end + 1) / 2;
  for (int pair = keys.any.begin / 2; pair < end;) {
    constexpr int kPagePairs = kKvPageTokens / 2;
    const int page_end = least((pair / kPagePairs + 1) * kPagePairs, end);
    const int16_t* v = static_cast<const int16_t*>(
                           t.args->pages[keys.begin / kKvPageTokens + pair / kPagePairs].v) +
                       (pair % kPagePairs * t.stride + dim) * 2;
    for (; pair < page_end; ++pair, v += t.stride * 2) {
      Pairs values[F];
      SLIP_UNROLL
      for (int f = 0; f < F; ++f) values[f] = load_pairs(v + f * 2 * kReduceLanes);
      SLIP_UNROLL
      for (int c = 0; c < C; ++c) {
        const Pairs weight = broadcast_pair(p + c * kKeyBlock + pair);
        SLIP_UNROLL
        for (int f = 0; f < F; ++f) sum[c][f] = dot2(sum[c][f], weight, values[f]);
        keep(weight);
      }
      SLIP_UNROLL
      for (int f = 0; f < F; ++f) keep(values[f]);
    }
  }
  SLIP_UNROLL
  for (int c = 0; c < C; ++c) {
    const Vec scale = broadcast(fixed[c].d);
    SLIP_UNROLL
    for (int f = 0; f < F; ++f) {
      store(t.block_o + c * t.stride + dim + f * kReduceLanes, mul(to_float(sum[c][f]), scale));
    }
  }
}

template <int F, int C>
SLIP_INLINE void add_pairs_from(const QueryTile& t, const BlockKeys& keys, const FixedPoint* fixed,
                                int dim) {
  for (; dim + F * kReduceLanes <= t.stride; dim += F * kReduceLanes) {
    add_pairs<F, C>(t, keys, fixed, dim);
  }
  if constexpr (F > 1) add_pairs_from<F / 2, C>(t, keys, fixed, dim);
}

// V as integers: keys that a row doesn't see weigh 0, so that all rows are done at once.
template <int C>
void integer_values(const QueryTile& t, const BlockKeys& keys, BlockSum* sums) {
  FixedPoint fixed[C] = {};
  for (int r = 0; r < t.n_rows; ++r) {
    if (!is_empty(keys.rows[r])) sums[r].m = scale_row(t, r, keys.rows[r]);
  }
  for (int r = 0; r < t.n_rows; ++r) {
    if (!is_empty(keys.rows[r])) sums[r].l = weigh_row(t, keys, r, sums[r].m, fixed + r);
  }
  for (int r = 0; r < t.n_rows; ++r) fix_row(t, keys, r, fixed[r].inverse);
  add_pairs_from<tile_groups(C), C>(t, keys, fixed, 0);
}

}  // namespace
}  // namespace slip
