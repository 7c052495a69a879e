// How attention's work is cut into tasks.
#pragma once

#include <cstdint>
#include <span>

#include "ops/attention.h"

namespace slip {

// Of kKeyBlock keys, absolute.
struct BlockRange {
  std::int32_t begin;
  std::int32_t end;
  std::int32_t size() const { return end - begin; }
};

// A tile: query rows of a run that meet one KV head's keys.
struct AttentionTask {
  const AttentionRun* run;
  std::int64_t row_begin;
  std::int64_t row_end;
  int kv_head;
  BlockRange blocks;  // those to do, when the context is shared out
};

// Tiles of rows, and, where these are too few for the threads, the context of each in parts of
// whole blocks. What comes out is the same to the bit. Borrows what it is made of.
class AttentionPlan {
 public:
  AttentionPlan(const AttentionParams& params, const AttentionInput& input, int n_kv_heads);

  // Positions of a tile; `group`: query heads of a KV head.
  static int positions_per_task(int group);

  // Parts are made when `room` holds the results of the rows' blocks, of block_bytes each.
  void share_context(int n_threads, std::size_t room, std::size_t block_bytes);
  bool shares_context() const { return part_ > 0; }
  // Of any run, when the context is shared out.
  std::int64_t most_blocks() const { return most_blocks_; }

  // Whether the run is one tile, and just the last part of the context has keys of its rows: who
  // takes that part can store them before it attends.
  bool stores_itself(const AttentionRun& run) const;
  bool is_last_part(const AttentionTask& task) const {
    return task.blocks.begin == last_part_begin(*task.run);
  }

  std::int64_t n_tasks() const;
  // Tile-major over KV heads and parts.
  AttentionTask task(std::int64_t i) const;

  std::int32_t first_key(std::int64_t row) const;
  // Those that a row of the run sees.
  BlockRange blocks(const AttentionRun& run) const;

 private:
  std::int64_t tiles(const AttentionRun& run) const {
    return (run.row_end - run.row_begin + tile_ - 1) / tile_;
  }
  std::int64_t parts(const AttentionRun& run) const {
    return part_ > 0 ? (blocks(run).size() + part_ - 1) / part_ : 1;
  }
  std::int64_t last_part_begin(const AttentionRun& run) const {
    return blocks(run).begin + (parts(run) - 1) * part_;
  }

  const AttentionParams& params_;
  const AttentionInput& input_;
  int n_kv_heads_;
  std::int64_t tile_;
  std::int64_t most_blocks_ = 0;
  std::int64_t part_ = 0;  // blocks of a part; 0 = contexts stay whole
};

}  // namespace slip
