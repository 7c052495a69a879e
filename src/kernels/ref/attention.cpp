#include "kernels/ref/kernels_ref.h"
#include "kernels/ref/kv_ref.h"
#include "kernels/ref/math_ref.h"
#include "kernels/ref/reduce_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

// The element `index` of an area whose 32 dims have the scale `scale`.
struct Place {
  int64_t index;
  int64_t scale;
};
float stored(const AttentionArgs& a, const void* page, Place place) {
  const auto [index, scale] = place;
  switch (a.type) {
    case KvType::kF16:
      return f16_to_f32(static_cast<const uint16_t*>(page)[index]);
    case KvType::kBF16:
      return bf16_to_f32(static_cast<const uint16_t*>(page)[index]);
    case KvType::kQ8_0:
      return kv_scales(a.type, a.head_dim, page)[scale] *
             static_cast<float>(static_cast<const int8_t*>(page)[index]);
    case KvType::kQ4_0: {
      const auto [byte, shift] = nibble_at(index);
      const int q = (static_cast<const uint8_t*>(page)[byte] >> shift & 15) - 8;
      return kv_scales(a.type, a.head_dim, page)[scale] * static_cast<float>(q);
    }
    default:
      return static_cast<const float*>(page)[index];
  }
}

float key(const AttentionArgs& a, int j, int i) {
  const int slot = j % kKvPageTokens;
  return stored(a, a.pages[j / kKvPageTokens].k,
                {k_index(a.head_dim, slot, i), k_scale_index(a.head_dim, slot, i)});
}

float value(const AttentionArgs& a, int j, int i) {
  const int slot = j % kKvPageTokens;
  return stored(a, a.pages[j / kKvPageTokens].v,
                {v_index(a.head_dim, slot, i), v_scale_index(a.head_dim, slot, i)});
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

int least(int a, int b) {
  return a < b ? a : b;
}
int most(int a, int b) {
  return a > b ? a : b;
}

void attend_blocks_alone(const AttentionArgs& a) {
  const AttentionBlocks& blocks = *a.blocks;
  const int64_t n_floats = attention_block_floats(a.head_dim);
  for (int r = 0; r < a.n_rows; ++r) {
    for (int b = blocks.begin; b < blocks.end; ++b) {
      const int begin = most(a.first[r], b * kKeyBlock);
      const int end = least(a.last[r] + 1, (b + 1) * kKeyBlock);
      State block = {0, 0, blocks.at + r * blocks.row_stride + (b - blocks.begin) * n_floats};
      if (begin < end) attend_block(a, a.q + r * a.q_stride, begin, end, a.scratch, &block);
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
