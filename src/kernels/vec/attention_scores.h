// Scores of a tile's rows with a block's keys, by type of K: floats, or integers by pairs of dims.
#pragma once

#include "kernels/vec/attention_tile.h"
#include "kernels/vec/fixed.h"

namespace slip {
namespace {

// scores[c][16 group …] = q_c · k for G groups of 16 keys from `group` (of the sequence) on.
template <class Kv, int G, int C>
__attribute__((noinline)) void score_floats(const QueryTile& t, int group, float* scores) {
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

// The same for integers.
template <class Elements, int G, int C>
__attribute__((noinline)) void score_integers(const QueryTile& t, int group, float* scores) {
  const int head_dim = t.args->head_dim;
  const int scale_pairs = (Elements::kScaleDims == 0 ? head_dim : Elements::kScaleDims) / 2;
  IntegerKeys<Elements> keys[G];
  SLIP_UNROLL
  for (int g = 0; g < G; ++g) {
    const KvPagePtr& page = t.args->pages[(group + g) / kPageGroups];
    keys[g] = integer_keys<Elements>(page.k, head_dim, (group + g) % kPageGroups);
  }
  const int32_t* q = reinterpret_cast<const int32_t*>(t.q);
  for (int scale = 0, pair = 0; pair < head_dim / 2; ++scale) {
    IntVec sum[G][C];
    SLIP_UNROLL
    for (int g = 0; g < G; ++g) {
      SLIP_UNROLL
      for (int c = 0; c < C; ++c) sum[g][c] = zero_ints();
    }
    const int end = pair + scale_pairs;
    do {
      Pairs k[G];
      SLIP_UNROLL
      for (int g = 0; g < G; ++g) k[g] = keys[g].load(pair);
      SLIP_UNROLL
      for (int c = 0; c < C; ++c) {
        const Pairs row = broadcast_pair(q + c);
        SLIP_UNROLL
        for (int g = 0; g < G; ++g) sum[g][c] = dot2(sum[g][c], row, k[g]);
        keep(row);
      }
      SLIP_UNROLL
      for (int g = 0; g < G; ++g) keep(k[g]);
      q += C;
    } while (++pair < end);
    SLIP_UNROLL
    for (int g = 0; g < G; ++g) {
      const Vec d = keys[g].scale(scale);
      SLIP_UNROLL
      for (int c = 0; c < C; ++c) {
        float* at = scores + c * kKeyBlock + g * kReduceLanes;
        const Vec i = to_float(sum[g][c]);
        store(at, scale == 0 ? mul(i, d) : fma(i, d, load(at)));
      }
    }
  }
}

// K as floats.
template <class T>
struct FloatScores {
  template <int C>
  SLIP_INLINE static void start_row(QueryTile& t, int r, const float* q) {
    for (int i = 0; i < t.args->head_dim; ++i) t.q[i * C + r] = q[i];
    t.q_scale[r] = t.args->scale;
  }
  template <int G, int C>
  SLIP_INLINE static void score(const QueryTile& t, int group, float* scores) {
    score_floats<PlainKv<T>, G, C>(t, group, scores);
  }
};

// K as integers: q becomes integers, too.
template <class Elements>
struct IntegerScores {
  template <int C>
  SLIP_INLINE static void start_row(QueryTile& t, int r, const float* q) {
    const int head_dim = t.args->head_dim;
    Magnitudes of_q;
    for (int i = 0; i < head_dim; i += kReduceLanes) {
      of_q.add_numbers(load_n(q + i, least(head_dim - i, kReduceLanes)));
    }
    const FixedPoint fixed = fixed_point(of_q);
    for (int i = 0; i < head_dim; i += kReduceLanes) {
      const int n = least(head_dim - i, kReduceLanes);
      int16_t integers[kReduceLanes];
      store_fixed(integers, load_n(q + i, n), fixed.inverse);
      for (int j = 0; j < n; j += 2) {
        __builtin_memcpy(t.q + ((i + j) / 2 * C + r), integers + j, 2 * sizeof(int16_t));
      }
    }
    t.q_scale[r] = fixed.d * t.args->scale;
  }
  template <int G, int C>
  SLIP_INLINE static void score(const QueryTile& t, int group, float* scores) {
    score_integers<Elements, G, C>(t, group, scores);
  }
};

template <class Scores, int C>
void start_rows(QueryTile& t) {
  for (int i = 0; i < C * t.args->head_dim; ++i) t.q[i] = 0;
  for (int r = 0; r < t.n_rows; ++r) {
    const int row = t.first_row + r;
    Scores::template start_row<C>(t, r, t.args->q + row * t.args->q_stride);
  }
}

template <class Scores, int C>
void score_block(const QueryTile& t, const BlockKeys& keys) {
  // 8 chains of FMAs at least, when the rows alone don't make as many.
  constexpr int kGroups = tile_groups(C);
  int group = keys.any.begin / kReduceLanes;
  const int end = (keys.any.end + kReduceLanes - 1) / kReduceLanes;
  const int base = keys.begin / kReduceLanes;
  for (; group + kGroups <= end; group += kGroups) {
    Scores::template score<kGroups, C>(t, base + group, t.scores + group * kReduceLanes);
  }
  for (; group < end; ++group) {
    Scores::template score<1, C>(t, base + group, t.scores + group * kReduceLanes);
  }
}

}  // namespace
}  // namespace slip
