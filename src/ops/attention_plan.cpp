#include "ops/attention_plan.h"

#include <algorithm>

namespace slip {
namespace {

// Query rows (positions × heads of a group) that one kernel call takes together: enough to reuse a
// block of 256 keys from L2, few enough that a 512-token prefill splits over many threads.
constexpr int kMaxQueryRows = 48;

// Tasks that a thread should find at least, so that all end at about the same time.
constexpr std::int64_t kTasksPerThread = 4;

}  // namespace

AttentionPlan::AttentionPlan(const AttentionParams& params, const AttentionInput& input,
                             int n_kv_heads)
    : params_(params),
      input_(input),
      n_kv_heads_(n_kv_heads),
      tile_(positions_per_task(params.n_heads / n_kv_heads)) {}

int AttentionPlan::positions_per_task(int group) {
  return std::max(1, kMaxQueryRows / group);
}

void AttentionPlan::share_context(int n_threads, std::size_t room, std::size_t block_bytes) {
  std::int64_t n_blocks = 0, rows = 0;
  for (const AttentionRun& run : input_.runs) {
    const std::int64_t of_run = blocks(run).size();
    n_blocks += tiles(run) * of_run;
    most_blocks_ = std::max(most_blocks_, of_run);
    rows = std::max(rows, run.row_end);
  }
  const std::int64_t wanted = kTasksPerThread * n_threads;
  const auto bytes = static_cast<std::size_t>(rows * params_.n_heads * most_blocks_) * block_bytes;
  if (n_tasks() >= wanted || most_blocks_ < 2 || n_threads < 2 || bytes > room) return;
  part_ = std::max<std::int64_t>(1, n_blocks * n_kv_heads_ / wanted);
}

bool AttentionPlan::stores_itself(const AttentionRun& run) const {
  const std::int64_t first = input_.positions[static_cast<std::size_t>(run.row_begin)];
  return tiles(run) == 1 && first / kKeyBlock >= last_part_begin(run);
}

std::int64_t AttentionPlan::n_tasks() const {
  std::int64_t n = 0;
  for (const AttentionRun& run : input_.runs) n += tiles(run) * parts(run);
  return n * n_kv_heads_;
}

AttentionTask AttentionPlan::task(std::int64_t i) const {
  for (const AttentionRun& run : input_.runs) {
    const std::int64_t n_tiles = tiles(run), n_parts = parts(run);
    if (i >= n_tiles * n_parts * n_kv_heads_) {
      i -= n_tiles * n_parts * n_kv_heads_;
      continue;
    }
    // The last tiles see the most keys: they go first, so that the threads end together.
    const std::int64_t of_tile = n_parts * n_kv_heads_;
    const std::int64_t begin = run.row_begin + (n_tiles - 1 - i / of_tile) * tile_;
    const BlockRange all = blocks(run);
    const auto first = static_cast<std::int32_t>(all.begin + i % n_parts * part_);
    const auto last = static_cast<std::int32_t>(std::min<std::int64_t>(all.end, first + part_));
    return {&run,
            begin,
            std::min(run.row_end, begin + tile_),
            static_cast<int>(i % of_tile / n_parts),
            {first, last}};
  }
  SLIP_CHECK(false);
  return {};
}

std::int32_t AttentionPlan::first_key(std::int64_t row) const {
  const std::int32_t position = input_.positions[static_cast<std::size_t>(row)];
  return params_.window > 0 ? std::max(0, position - params_.window + 1) : 0;
}

BlockRange AttentionPlan::blocks(const AttentionRun& run) const {
  const std::int32_t last = input_.positions[static_cast<std::size_t>(run.row_end - 1)];
  return {first_key(run.row_begin) / kKeyBlock, last / kKeyBlock + 1};
}

}  // namespace slip
