// Attention of a batch's rows over the paged KV cache.
#pragma once

#include <cstdint>
#include <span>

#include "ops/heads.h"
#include "ops/op_context.h"

namespace slip {

// Where a layer's keys and values lie.
struct KvLayout {
  KvType k_type = KvType::kI16;
  KvType v_type = KvType::kI16;
  int n_kv_heads = 0;
  int head_dim = 0;
  std::byte* base = nullptr;    // the layer's area in page 0
  std::int64_t page_bytes = 0;  // from a page to the next

  std::size_t key_bytes() const { return kv_head_bytes(k_type, head_dim); }
  // Keys of head h at h · head_bytes(), its values after them.
  std::size_t head_bytes() const { return key_bytes() + kv_head_bytes(v_type, head_dim); }
  std::byte* keys(std::int32_t page, int head) const {
    return base + page * page_bytes + static_cast<std::int64_t>(head_bytes()) * head;
  }
  std::byte* values(std::int32_t page, int head) const { return keys(page, head) + key_bytes(); }
};

// Consecutive rows [row_begin, row_end) of the batch that belong to one sequence.
struct AttentionRun {
  std::int64_t row_begin = 0;
  std::int64_t row_end = 0;
  std::span<const std::int32_t> pages;  // page id of positions 32p … 32p+31
};

struct AttentionParams {
  int n_heads = 0;
  int window = 0;  // 0 = all keys before and at the row's position
  float scale = 0;
  float soft_cap = 0;
};

// The largest attention that a scratch is for.
struct AttentionShape {
  std::int64_t n_ctx = 0;
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
};

// What the products gave, and what is still to be done with each head of it. Keys and values are
// changed in place. Where values are rotated, what comes out is rotated back.
struct AttentionInput {
  std::span<const AttentionRun> runs;
  std::span<const std::int32_t> positions;  // by row
  const float* q = nullptr;                 // [n_rows][n_heads · head_dim]
  float* k = nullptr;                       // [n_rows][n_kv_heads · head_dim]
  float* v = nullptr;
  std::int64_t q_stride = 0;
  std::int64_t kv_stride = 0;
  HeadTransform of_q = {};
  HeadTransform of_k = {};
  HeadTransform of_v = {};  // nothing but rotation
};

// Writes the rows' keys and values to their pages, then out[row][n_heads · head_dim]: one parallel
// region for rows of answers, whose few keys are stored by who attends to them.
void attend(OpContext& ctx, const KvLayout& kv, const AttentionParams& params,
            const AttentionInput& input, std::span<float> out);

// Scratch for contexts of up to n_ctx tokens.
ScratchBytes attention_scratch_bytes(const AttentionShape& shape);

}  // namespace slip
