// A tile of query rows of attention (attention.h) and the ranges of keys that its rows see.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vec/inline.h"
#include "kernels/vec/kv.h"
#include "kernels/vec/tile.h"
#include "kernels/vec/vec16.h"

namespace slip {
namespace {

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
  float* q;           // [head_dim][C], or pairs of integers [head_dim/2][C]
  float q_scale[16];  // what makes a row's products with keys scores
  float* scores;      // [C][kKeyBlock]; after the softmax the keys' weights
  float* block_o;     // [C][stride]
  Merged merged[16];
};

// Keys of a block, relative to its beginning, that something sees: [begin, end), empty if equal.
struct KeyRange {
  int begin;
  int end;
};

// A block's largest score and sum of e^(score - m).
struct BlockSum {
  float m;
  float l;
};

// Keys of a block and what each row of the tile sees of them; `any` is what any row sees.
struct BlockKeys {
  int begin;  // of the block
  KeyRange any;
  KeyRange rows[16];
};

SLIP_INLINE bool is_empty(KeyRange keys) {
  return keys.begin == keys.end;
}

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

// Lanes of the 16 keys from `key` on that are in the range.
SLIP_INLINE Mask lanes_in(KeyRange range, int key) {
  const Vec lanes = lane_numbers();
  return both(less(lanes, broadcast(static_cast<float>(range.end - key))),
              less(broadcast(static_cast<float>(range.begin - key - 1)), lanes));
}

}  // namespace
}  // namespace slip
