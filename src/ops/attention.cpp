#include "ops/attention.h"

#include <algorithm>

namespace slip {
namespace {

// Query rows (positions × heads of a group) that one kernel call takes together: enough to reuse a
// block of 256 keys from L2, few enough that a 512-token prefill splits over many threads.
constexpr int kMaxQueryRows = 48;

int positions_per_task(int group) {
  return std::max(1, kMaxQueryRows / group);
}

std::size_t align64(std::size_t n) {
  return (n + 63) / 64 * 64;
}

// Tasks that a thread should find at least, so that all end at about the same time.
constexpr std::int64_t kTasksPerThread = 4;
// The most that threads keep of single blocks for merging, unless one row alone needs more.
constexpr std::size_t kMaxBlocksBytes = std::size_t{16} << 20;
constexpr std::size_t kSharedRows = 8;

// Blocks of 256 keys, absolute.
struct BlockRange {
  std::int32_t begin;
  std::int32_t end;
  std::int32_t size() const { return end - begin; }
};

// One task's areas within a thread's scratch.
struct TaskScratch {
  std::byte* at;
  template <class T>
  T* take(std::size_t n) {
    auto* result = reinterpret_cast<T*>(at);
    at += align64(n * sizeof(T));
    return result;
  }
};

struct Task {
  const AttentionRun* run;
  std::int64_t row_begin;
  std::int64_t row_end;
  int kv_head;
  BlockRange blocks;  // those to do, when the context is shared out
};

// How a call's work is cut: into tiles of rows, and, where these are too few for the threads, the
// context of each into parts of whole blocks. What comes out is the same to the bit.
class Plan {
 public:
  Plan(const AttentionParams& params, const AttentionInput& input, int n_kv_heads)
      : params_(params),
        input_(input),
        n_kv_heads_(n_kv_heads),
        tile_(positions_per_task(params.n_heads / n_kv_heads)) {}

  // Parts are made when `room` holds the results of the rows' blocks.
  void share_context(int n_threads, std::size_t room, std::size_t block_bytes) {
    std::int64_t n_blocks = 0, rows = 0;
    for (const AttentionRun& run : input_.runs) {
      const std::int64_t of_run = blocks(run).size();
      n_blocks += tiles(run) * of_run;
      most_blocks_ = std::max(most_blocks_, of_run);
      rows = std::max(rows, run.row_end);
    }
    const std::int64_t wanted = kTasksPerThread * n_threads;
    const auto bytes =
        static_cast<std::size_t>(rows * params_.n_heads * most_blocks_) * block_bytes;
    if (n_tasks() >= wanted || most_blocks_ < 2 || n_threads < 2 || bytes > room) return;
    part_ = std::max<std::int64_t>(1, n_blocks * n_kv_heads_ / wanted);
  }
  bool shares_context() const { return part_ > 0; }
  // Of any run.
  std::int64_t most_blocks() const { return most_blocks_; }

  std::int64_t n_tasks() const {
    std::int64_t n = 0;
    for (const AttentionRun& run : input_.runs) n += tiles(run) * parts(run);
    return n * n_kv_heads_;
  }

  // Tile-major over KV heads and parts.
  Task task(std::int64_t i) const {
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

  std::int32_t first_key(std::int64_t row) const {
    const std::int32_t position = input_.positions[static_cast<std::size_t>(row)];
    return params_.window > 0 ? std::max(0, position - params_.window + 1) : 0;
  }
  // Those that a row of the run sees.
  BlockRange blocks(const AttentionRun& run) const {
    const std::int32_t last = input_.positions[static_cast<std::size_t>(run.row_end - 1)];
    return {first_key(run.row_begin) / kKeyBlock, last / kKeyBlock + 1};
  }

 private:
  std::int64_t tiles(const AttentionRun& run) const {
    return (run.row_end - run.row_begin + tile_ - 1) / tile_;
  }
  std::int64_t parts(const AttentionRun& run) const {
    return part_ > 0 ? (blocks(run).size() + part_ - 1) / part_ : 1;
  }

  const AttentionParams& params_;
  const AttentionInput& input_;
  int n_kv_heads_;
  std::int64_t tile_;
  std::int64_t most_blocks_ = 0;
  std::int64_t part_ = 0;  // blocks of a part; 0 = contexts stay whole
};

// Of one position's keys and values in a layer.
std::int64_t position_bytes(const KvLayout& kv) {
  return static_cast<std::int64_t>(kv.head_bytes()) * kv.n_kv_heads / kKvPageTokens;
}

// Every key and value that a run sees is read once, whatever the tiles.
OpCost attention_cost(const KvLayout& kv, const AttentionParams& params,
                      const AttentionInput& input) {
  OpCost cost{.name = "attention"};
  const auto first_key = [&params](std::int64_t position) {
    return params.window > 0 ? std::max<std::int64_t>(0, position - params.window + 1) : 0;
  };
  for (const AttentionRun& run : input.runs) {
    const std::int64_t begin = input.positions[static_cast<std::size_t>(run.row_begin)];
    const std::int64_t end = begin + run.row_end - run.row_begin;
    cost.bytes += (end - first_key(begin)) * position_bytes(kv);
    for (std::int64_t position = begin; position < end; ++position) {
      const std::int64_t n_keys = position + 1 - first_key(position);
      cost.macs += 2 * n_keys * params.n_heads * kv.head_dim;
    }
  }
  return cost;
}

struct RunRow {
  const AttentionRun& run;
  std::int64_t row;
};
void store_row(OpContext& ctx, const KvLayout& kv, const AttentionInput& input, RunRow at) {
  const std::int32_t position = input.positions[static_cast<std::size_t>(at.row)];
  const std::int32_t page = at.run.pages[static_cast<std::size_t>(position / kKvPageTokens)];
  for (int head = 0; head < kv.n_kv_heads; ++head) {
    const std::int64_t offset = at.row * input.kv_stride + std::int64_t{head} * kv.head_dim;
    const KvStoreArgs args{.k_type = kv.k_type,
                           .v_type = kv.v_type,
                           .k = input.k + offset,
                           .v = input.v + offset,
                           .head_dim = kv.head_dim,
                           .slot = position % kKvPageTokens,
                           .k_page = kv.keys(page, head),
                           .v_page = kv.values(page, head)};
    ctx.kernels().kv_store(&args);
  }
}

struct PositionRange {
  std::int64_t begin;
  std::int64_t end;
};
PositionRange positions_of(const AttentionInput& input, const AttentionRun& run) {
  const std::int64_t first = input.positions[static_cast<std::size_t>(run.row_begin)];
  return {first, first + run.row_end - run.row_begin};
}

// That hold any of the positions.
std::int64_t n_pages(const PositionRange& range) {
  return (range.end - 1) / kKvPageTokens - range.begin / kKvPageTokens + 1;
}

std::size_t scratch_of(const AttentionInput& input, const AttentionParams& params,
                       const KvLayout& kv) {
  const std::int32_t last = *std::max_element(input.positions.begin(), input.positions.end());
  return attention_scratch_bytes({.n_ctx = last + 1,
                                  .n_heads = params.n_heads,
                                  .n_kv_heads = kv.n_kv_heads,
                                  .head_dim = kv.head_dim})
      .per_thread;
}

class Attend {
 public:
  Attend(OpContext& ctx, const KvLayout& kv, const AttentionParams& params,
         const AttentionInput& input, std::span<float> out)
      : ctx_(ctx),
        kv_(kv),
        params_(params),
        input_(input),
        out_(out),
        group_(params.n_heads / kv.n_kv_heads),
        scratch_bytes_(scratch_of(input, params, kv)),
        plan_(params, input, kv.n_kv_heads) {}

  void run() {
    const auto block_bytes =
        static_cast<std::size_t>(attention_block_floats(kv_.head_dim)) * sizeof(float);
    plan_.share_context(ctx_.n_threads(), ctx_.shared().size(), block_bytes);
    const auto attend_tasks = [&](std::int64_t begin, std::int64_t end, int thread) {
      for (std::int64_t i = begin; i < end; ++i) attend(plan_.task(i), thread);
    };
    ctx_.parallel_for(plan_.n_tasks(), 1, attend_tasks,
                      [&] { return attention_cost(kv_, params_, input_); });
    if (!plan_.shares_context()) return;
    for (const AttentionRun& run : input_.runs) {
      const std::int64_t n_rows = run.row_end - run.row_begin;
      const auto merge_rows = [&](std::int64_t begin, std::int64_t end, int thread) {
        for (std::int64_t i = begin; i < end; ++i) {
          merge(run, run.row_begin + i % n_rows, static_cast<int>(i / n_rows), thread);
        }
      };
      ctx_.parallel_for(n_rows * kv_.n_kv_heads, 1, merge_rows,
                        [] { return OpCost{.name = "attention merge"}; });
    }
  }

 private:
  // Query rows of a KV head lie side by side, those of a position together.
  float* block_results(int kv_head, std::int64_t row) {
    const auto n_rows = static_cast<std::int64_t>(input_.positions.size());
    return reinterpret_cast<float*>(ctx_.shared().data()) +
           (kv_head * n_rows + row) * group_ * results_stride();
  }
  std::int64_t results_stride() const {
    return plan_.most_blocks() * attention_block_floats(kv_.head_dim);
  }

  void attend(const Task& task, int thread);
  void merge(const AttentionRun& run, std::int64_t row, int kv_head, int thread);
  void gather_rows(const Task& task, float* q, std::int32_t* first, std::int32_t* last) const;
  std::byte* scratch(int thread) { return ctx_.scratch(thread, scratch_bytes_); }

  OpContext& ctx_;
  const KvLayout& kv_;
  const AttentionParams& params_;
  const AttentionInput& input_;
  std::span<float> out_;
  int group_;
  std::size_t scratch_bytes_;
  Plan plan_;
};

void Attend::gather_rows(const Task& task, float* q, std::int32_t* first,
                         std::int32_t* last) const {
  const std::int64_t row_floats = std::int64_t{group_} * kv_.head_dim;
  for (std::int64_t row = task.row_begin; row < task.row_end; ++row) {
    const std::int64_t i = row - task.row_begin;
    std::copy_n(input_.q + row * input_.q_stride + task.kv_head * row_floats, row_floats,
                q + i * row_floats);
    std::fill_n(last + i * group_, group_, input_.positions[static_cast<std::size_t>(row)]);
    std::fill_n(first + i * group_, group_, plan_.first_key(row));
  }
}

void Attend::attend(const Task& task, int thread) {
  const int dim = kv_.head_dim;
  const int n_rows = static_cast<int>(task.row_end - task.row_begin) * group_;
  TaskScratch scratch{this->scratch(thread)};
  float* q = scratch.take<float>(static_cast<std::size_t>(n_rows * dim));
  float* out = scratch.take<float>(static_cast<std::size_t>(n_rows * dim));
  auto* first = scratch.take<std::int32_t>(static_cast<std::size_t>(n_rows));
  auto* last = scratch.take<std::int32_t>(static_cast<std::size_t>(n_rows));
  gather_rows(task, q, first, last);
  const int n_pages = last[n_rows - 1] / kKvPageTokens + 1;
  auto* pages = scratch.take<KvPagePtr>(static_cast<std::size_t>(n_pages));
  for (int p = 0; p < n_pages; ++p) {
    const std::int32_t page = task.run->pages[static_cast<std::size_t>(p)];
    pages[p] = {kv_.keys(page, task.kv_head), kv_.values(page, task.kv_head)};
  }
  AttentionBlocks blocks{};
  if (plan_.shares_context()) {
    const std::int64_t before = task.blocks.begin - plan_.blocks(*task.run).begin;
    blocks = {
        .begin = task.blocks.begin,
        .end = task.blocks.end,
        .at = block_results(task.kv_head, task.row_begin) + before * attention_block_floats(dim),
        .row_stride = results_stride()};
  }
  const AttentionArgs args{.k_type = kv_.k_type,
                           .v_type = kv_.v_type,
                           .q = q,
                           .q_stride = dim,
                           .n_rows = n_rows,
                           .first = first,
                           .last = last,
                           .pages = pages,
                           .head_dim = dim,
                           .scale = params_.scale,
                           .soft_cap = params_.soft_cap,
                           .out = out,
                           .out_stride = dim,
                           .blocks = plan_.shares_context() ? &blocks : nullptr,
                           .scratch = scratch.take<float>(slip::attention_scratch(n_rows, dim))};
  ctx_.kernels().attention(&args);
  if (plan_.shares_context()) return;
  const std::int64_t row_floats = std::int64_t{group_} * dim;
  for (std::int64_t row = task.row_begin; row < task.row_end; ++row) {
    std::copy_n(out + (row - task.row_begin) * row_floats, row_floats,
                out_.data() + (row * kv_.n_kv_heads + task.kv_head) * row_floats);
  }
}

void Attend::merge(const AttentionRun& run, std::int64_t row, int kv_head, int thread) {
  const BlockRange range = plan_.blocks(run);
  const std::int64_t head = row * params_.n_heads + std::int64_t{kv_head} * group_;
  const AttentionMergeArgs args{.blocks = {.begin = range.begin,
                                           .end = range.end,
                                           .at = block_results(kv_head, row),
                                           .row_stride = results_stride()},
                                .n_rows = group_,
                                .head_dim = kv_.head_dim,
                                .out = out_.data() + head * kv_.head_dim,
                                .out_stride = kv_.head_dim,
                                .scratch = reinterpret_cast<float*>(scratch(thread))};
  ctx_.kernels().attention_merge(&args);
}

}  // namespace

void store_kv(OpContext& ctx, const KvLayout& kv, const AttentionInput& input) {
  // Tokens of a page may share bytes: one thread stores them.
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    std::int64_t at = 0;  // the run's first page among those of all runs
    for (const AttentionRun& run : input.runs) {
      const PositionRange all = positions_of(input, run);
      const std::int64_t first_page = all.begin / kKvPageTokens - at;
      const std::int64_t from = std::max(all.begin, (first_page + begin) * kKvPageTokens);
      const std::int64_t to = std::min(all.end, (first_page + end) * kKvPageTokens);
      for (std::int64_t position = from; position < to; ++position) {
        store_row(ctx, kv, input, {run, run.row_begin + position - all.begin});
      }
      at += n_pages(all);
      if (at >= end) break;
    }
  };
  const auto cost = [&] {
    const auto n_rows = static_cast<std::int64_t>(input.positions.size());
    const std::int64_t n_values = 2 * n_rows * kv.n_kv_heads * kv.head_dim;
    return OpCost{.name = "kv store", .bytes = n_values * 4 + n_rows * position_bytes(kv)};
  };
  std::int64_t n_all = 0;
  for (const AttentionRun& run : input.runs) n_all += n_pages(positions_of(input, run));
  ctx.parallel_for(n_all, std::clamp<std::int64_t>(n_all / (4 * ctx.n_threads()), 1, 8), task,
                   cost);
}

void attend(OpContext& ctx, const KvLayout& kv, const AttentionParams& params,
            const AttentionInput& input, std::span<float> out) {
  Attend(ctx, kv, params, input, out).run();
}

ScratchBytes attention_scratch_bytes(const AttentionShape& shape) {
  const int group = shape.n_heads / shape.n_kv_heads;
  const auto rows = static_cast<std::size_t>(positions_per_task(group) * group);
  const auto dim = static_cast<std::size_t>(shape.head_dim);
  const auto n_pages = static_cast<std::size_t>(shape.n_ctx / kKvPageTokens + 1);
  const std::size_t per_thread =
      2 * align64(rows * dim * 4) + 2 * align64(rows * 4) + align64(n_pages * sizeof(KvPagePtr)) +
      align64(slip::attention_scratch(static_cast<int>(rows), shape.head_dim) * 4);
  const auto n_blocks = static_cast<std::size_t>(shape.n_ctx / kKeyBlock + 1);
  const std::size_t of_row = static_cast<std::size_t>(shape.n_heads) * n_blocks *
                             static_cast<std::size_t>(attention_block_floats(shape.head_dim)) * 4;
  const std::size_t of_rows = std::min(kMaxBlocksBytes, kSharedRows * of_row);
  return {.per_thread = per_thread, .shared = std::max(of_row, of_rows)};
}

}  // namespace slip
