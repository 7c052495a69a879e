#include "kernels/ref/kernels_ref.h"
#include "kernels/ref/kv_ref.h"
#include "kernels/ref/math_ref.h"
#include "kernels/ref/reduce_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

// An element of an area that has no integers, or of integers with their scale.
float stored(const KvArea& area, int64_t index, int64_t scale) {
  switch (area.type) {
    case KvType::kF16:
      return f16_to_f32(static_cast<const uint16_t*>(area.at)[index]);
    case KvType::kBF16:
      return bf16_to_f32(static_cast<const uint16_t*>(area.at)[index]);
    case KvType::kF32:
      return static_cast<const float*>(area.at)[index];
    default:
      return scales_of(area)[scale] * static_cast<float>(integer_at(area, index));
  }
}

KvArea keys_of(const AttentionArgs& a, int j) {
  return {a.k_type, a.head_dim, 32, const_cast<void*>(a.pages[j / kKvPageTokens].k)};
}
KvArea values_of(const AttentionArgs& a, int j) {
  return {a.v_type, a.head_dim, 16, const_cast<void*>(a.pages[j / kKvPageTokens].v)};
}

// fixed() of kernels.h.
float fixed(const float* x, int n, int32_t* integers) {
  const auto [amax, sum] = magnitudes(x, n);
  const bool is_finite = sum <= __FLT_MAX__;
  float d = is_finite ? 0.0F : __builtin_nanf(""), inverse = 0;
  if (is_finite && !(amax < kTinyAmax)) {
    const float of_max = amax * kFixedStep, of_sum = sum * kFixedSumStep;
    d = of_max > of_sum ? of_max : of_sum;
    inverse = 1 / d;
  }
  for (int i = 0; i < n; ++i) {
    integers[i] = inverse > 0 ? static_cast<int32_t>(__builtin_rintf(x[i] * inverse)) : 0;
  }
  return d;
}

// A row of q as the type of K wants it.
struct Query {
  const float* q;
  int32_t integers[512];
  float scale;
};
void make_query(const AttentionArgs& a, int row, Query* query) {
  query->q = a.q + row * a.q_stride;
  query->scale = a.scale;
  if (has_integers(a.k_type)) query->scale = fixed(query->q, a.head_dim, query->integers) * a.scale;
}

float dot_floats(const AttentionArgs& a, const Query& query, int j) {
  float t = 0;
  for (int i = 0; i < a.head_dim; ++i) {
    const int64_t at = k_index(a.k_type, a.head_dim, j % kKvPageTokens, i);
    t = __builtin_fmaf(query.q[i], stored(keys_of(a, j), at, 0), t);
  }
  return t;
}

float dot_integers(const AttentionArgs& a, const Query& query, int j) {
  const KvArea keys = keys_of(a, j);
  const int slot = j % kKvPageTokens, dims = scale_dims(a.k_type, a.head_dim);
  float t = 0;
  for (int begin = 0; begin < a.head_dim; begin += dims) {
    int32_t sum = 0;
    for (int i = begin; i < begin + dims; ++i) {
      sum += query.integers[i] * integer_at(keys, k_index(a.k_type, a.head_dim, slot, i));
    }
    const float d = scales_of(keys)[k_scale_index(a.k_type, a.head_dim, slot, begin)];
    t = begin == 0 ? static_cast<float>(sum) * d : __builtin_fmaf(static_cast<float>(sum), d, t);
  }
  return t;
}

float score(const AttentionArgs& a, const Query& query, int j) {
  float t = has_integers(a.k_type) ? dot_integers(a, query, j) : dot_floats(a, query, j);
  t = t * query.scale;
  return a.soft_cap != 0 ? a.soft_cap * tanh32(t / a.soft_cap) : t;
}

// What a row has gathered: the largest score, the sum of e^(score - m), and that weighted sum of V.
struct State {
  float m;
  float l;
  float* o;  // [head_dim]
};

// Of the keys begin…end - 1 of one block, and what they weigh: p[j mod 256].
struct Keys {
  int begin;
  int end;
  float* p;
};

void weigh_floats(const AttentionArgs& a, const Keys& keys, float* o) {
  for (int i = 0; i < a.head_dim; ++i) {
    o[i] = 0;
    for (int j = keys.begin; j < keys.end; ++j) {
      const int slot = j % kKvPageTokens;
      const float v = stored(values_of(a, j), v_index(a.v_type, a.head_dim, slot, i),
                             v_scale_index(a.v_type, a.head_dim, slot, i));
      o[i] = __builtin_fmaf(keys.p[j % kKeyBlock], v, o[i]);
    }
  }
}

void weigh_integers(const AttentionArgs& a, const Keys& keys, float* o) {
  float weights[kKeyBlock] = {};
  int32_t integers[kKeyBlock];
  for (int j = keys.begin; j < keys.end; ++j) {
    const float d = scales_of(values_of(a, j))[j % kKvPageTokens];
    const float p = keys.p[j % kKeyBlock];
    weights[j % kKeyBlock] = p > 0 ? p * d : 0;
  }
  const float d = fixed(weights, kKeyBlock, integers);
  for (int i = 0; i < a.head_dim; ++i) {
    int32_t sum = 0;
    for (int j = keys.begin; j < keys.end; ++j) {
      sum += integers[j % kKeyBlock] *
             integer_at(values_of(a, j), v_index(a.v_type, a.head_dim, j % kKvPageTokens, i));
    }
    o[i] = static_cast<float>(sum) * d;
  }
}

void attend_block(const AttentionArgs& a, const Query& query, const Keys& keys, State* block) {
  float* p = keys.p;
  float m = score(a, query, keys.begin);
  for (int j = keys.begin; j < keys.end; ++j) {
    p[j % kKeyBlock] = score(a, query, j);
    m = p[j % kKeyBlock] > m ? p[j % kKeyBlock] : m;
  }
  float lanes[kReduceLanes] = {};
  for (int j = keys.begin; j < keys.end; ++j) {
    p[j % kKeyBlock] = exp32(p[j % kKeyBlock] - m);
    lanes[j % kReduceLanes] += p[j % kKeyBlock];
  }
  block->m = m;
  block->l = reduce16(lanes);
  a.v_type == KvType::kI16 ? weigh_integers(a, keys, block->o) : weigh_floats(a, keys, block->o);
}

void merge(const State& block, int head_dim, State* row) {
  const float m = block.m > row->m ? block.m : row->m;
  const float keep = exp32(row->m - m), take = exp32(block.m - m);
  row->m = m;
  row->l = row->l * keep + block.l * take;
  for (int i = 0; i < head_dim; ++i) row->o[i] = row->o[i] * keep + block.o[i] * take;
}

int least(int a, int b) {
  return a < b ? a : b;
}
int most(int a, int b) {
  return a > b ? a : b;
}

void attend_blocks_alone(const AttentionArgs& a) {
  const AttentionBlocks& blocks = *a.blocks;
  const int64_t n_floats = attention_block_floats(a.head_dim);
  Query query;
  for (int r = 0; r < a.n_rows; ++r) {
    make_query(a, r, &query);
    for (int b = blocks.begin; b < blocks.end; ++b) {
      const int begin = most(a.first[r], b * kKeyBlock);
      const int end = least(a.last[r] + 1, (b + 1) * kKeyBlock);
      State block = {0, 0, blocks.at + r * blocks.row_stride + (b - blocks.begin) * n_floats};
      if (begin < end) attend_block(a, query, {begin, end, a.scratch}, &block);
      block.o[n_floats - kReduceLanes] = block.m;
      block.o[n_floats - kReduceLanes + 1] = block.l;
    }
  }
}

}  // namespace

void attention_ref(const AttentionArgs* args) {
  const AttentionArgs& a = *args;
  if (a.blocks != nullptr) return attend_blocks_alone(a);
  float* p = a.scratch;
  Query query;
  for (int r = 0; r < a.n_rows; ++r) {
    make_query(a, r, &query);
    State row = {0, 0, p + kKeyBlock};
    State block = {0, 0, row.o + a.head_dim};
    const int begin = a.first[r], end = a.last[r] + 1;
    for (int at = begin; at < end;) {
      const int next = (at / kKeyBlock + 1) * kKeyBlock;
      State* into = at == begin ? &row : &block;
      attend_block(a, query, {at, next < end ? next : end, p}, into);
      if (into == &block) merge(block, a.head_dim, &row);
      at = next;
    }
    for (int i = 0; i < a.head_dim; ++i) a.out[r * a.out_stride + i] = row.o[i] / row.l;
  }
}

void attention_merge_ref(const AttentionMergeArgs* args) {
  const int64_t n_floats = attention_block_floats(args->head_dim);
  for (int r = 0; r < args->n_rows; ++r) {
    State row = {0, 0, args->scratch};
    bool is_started = false;
    for (int b = args->blocks.begin; b < args->blocks.end; ++b) {
      float* o =
          args->blocks.at + r * args->blocks.row_stride + (b - args->blocks.begin) * n_floats;
      const State block = {o[n_floats - kReduceLanes], o[n_floats - kReduceLanes + 1], o};
      if (block.l == 0) continue;
      if (is_started) {
        merge(block, args->head_dim, &row);
      } else {
        row = {block.m, block.l, row.o};
        for (int i = 0; i < args->head_dim; ++i) row.o[i] = o[i];
      }
      is_started = true;
    }
    for (int i = 0; i < args->head_dim; ++i) args->out[r * args->out_stride + i] = row.o[i] / row.l;
  }
}

}  // namespace slip
