#include "kernels/ref/kernels_ref.h"
#include "kernels/ref/kv_ref.h"
#include "kernels/ref/math_ref.h"
#include "kernels/ref/reduce_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

float stored(KvType type, const void* page, int64_t index, int64_t scales_at, int64_t scale) {
  switch (type) {
    case KvType::kF16:
      return f16_to_f32(static_cast<const uint16_t*>(page)[index]);
    case KvType::kBF16:
      return bf16_to_f32(static_cast<const uint16_t*>(page)[index]);
    case KvType::kQ8_0: {
      const int8_t* q = static_cast<const int8_t*>(page);
      return reinterpret_cast<const float*>(q + scales_at)[scale] * static_cast<float>(q[index]);
    }
    default:
      return static_cast<const float*>(page)[index];
  }
}

float key(const AttentionArgs& a, int j, int i) {
  const int slot = j % kKvPageTokens;
  return stored(a.type, a.pages[j / kKvPageTokens].k, k_index(a.head_dim, slot, i),
                kv_scales_offset(a.head_dim), k_scale_index(a.head_dim, slot, i));
}

float value(const AttentionArgs& a, int j, int i) {
  const int slot = j % kKvPageTokens;
  return stored(a.type, a.pages[j / kKvPageTokens].v, v_index(a.head_dim, slot, i),
                kv_scales_offset(a.head_dim), v_scale_index(a.head_dim, slot, i));
}

float score(const AttentionArgs& a, const float* q, int j) {
  float t = 0;
  for (int i = 0; i < a.head_dim; ++i) t = __builtin_fmaf(q[i], key(a, j, i), t);
  t = t * a.scale;
  return a.soft_cap != 0 ? a.soft_cap * tanh32(t / a.soft_cap) : t;
}

// What a row has gathered: the largest score, the sum of e^(score - m), and that weighted sum of V.
struct State {
  float m;
  float l;
  float* o;  // [head_dim]
};

// Keys begin…end - 1 of one block; `p` has room for kKeyBlock scores.
void attend_block(const AttentionArgs& a, const float* q, int begin, int end, float* p,
                  State* block) {
  const int block_begin = begin / kKeyBlock * kKeyBlock;
  float m = score(a, q, begin);
  for (int j = begin; j < end; ++j) {
    p[j - block_begin] = score(a, q, j);
    m = p[j - block_begin] > m ? p[j - block_begin] : m;
  }
  float lanes[kReduceLanes] = {};
  for (int j = begin; j < end; ++j) {
    p[j - block_begin] = exp32(p[j - block_begin] - m);
    lanes[j % kReduceLanes] += p[j - block_begin];
  }
  block->m = m;
  block->l = reduce16(lanes);
  for (int i = 0; i < a.head_dim; ++i) {
    float o = 0;
    for (int j = begin; j < end; ++j) o = __builtin_fmaf(p[j - block_begin], value(a, j, i), o);
    block->o[i] = o;
  }
}

void merge(const State& block, int head_dim, State* row) {
  const float m = block.m > row->m ? block.m : row->m;
  const float keep = exp32(row->m - m), take = exp32(block.m - m);
  row->m = m;
  row->l = row->l * keep + block.l * take;
  for (int i = 0; i < head_dim; ++i) row->o[i] = row->o[i] * keep + block.o[i] * take;
}

}  // namespace

void attention_ref(const AttentionArgs* args) {
  const AttentionArgs& a = *args;
  float* p = a.scratch;
  for (int r = 0; r < a.n_rows; ++r) {
    State row = {0, 0, p + kKeyBlock};
    State block = {0, 0, row.o + a.head_dim};
    const int begin = a.first[r], end = a.last[r] + 1;
    for (int at = begin; at < end;) {
      const int next = (at / kKeyBlock + 1) * kKeyBlock;
      State* into = at == begin ? &row : &block;
      attend_block(a, a.q + r * a.q_stride, at, next < end ? next : end, p, into);
      if (into == &block) merge(block, a.head_dim, &row);
      at = next;
    }
    for (int i = 0; i < a.head_dim; ++i) a.out[r * a.out_stride + i] = row.o[i] / row.l;
  }
}

}  // namespace slip
