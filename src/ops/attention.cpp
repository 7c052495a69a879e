#include "ops/attention.h"

#include <algorithm>

#include "ops/attention_plan.h"

namespace slip {
namespace {

std::size_t align64(std::size_t n) {
  return (n + 63) / 64 * 64;
}

// The most that threads keep of single blocks for merging, unless one row alone needs more.
constexpr std::size_t kMaxBlocksBytes = std::size_t{16} << 20;
constexpr std::size_t kSharedRows = 8;

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

// Of one position's keys and values in a layer.
std::int64_t position_bytes(const KvLayout& kv) {
  return static_cast<std::int64_t>(kv.head_bytes()) * kv.n_kv_heads / kKvPageTokens;
}

struct RowHead {
  const AttentionRun& run;
  std::int64_t row;
  int head;
};
// Brings a row's keys and values of one head into their form and stores them.
void store_head(OpContext& ctx, const KvLayout& kv, const AttentionInput& input, RowHead at) {
  const auto& [run, row, head] = at;
  const auto dim = static_cast<std::size_t>(kv.head_dim);
  const std::int64_t offset = row * input.kv_stride + std::int64_t{head} * kv.head_dim;
  float* k = input.k + offset;
  float* v = input.v + offset;
  transform_head(ctx, input.of_k, row, {k, dim});
  transform_head(ctx, input.of_v, row, {v, dim});
  const std::int32_t position = input.positions[static_cast<std::size_t>(row)];
  const std::int32_t page = run.pages[static_cast<std::size_t>(position / kKvPageTokens)];
  const KvStoreArgs args{.k_type = kv.k_type,
                         .v_type = kv.v_type,
                         .k = k,
                         .v = v,
                         .head_dim = kv.head_dim,
                         .slot = position % kKvPageTokens,
                         .k_page = kv.keys(page, head),
                         .v_page = kv.values(page, head)};
  ctx.kernels().kv_store(&args);
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
    store_prompts();
    const auto attend_tasks = [&](std::int64_t begin, std::int64_t end, int thread) {
      for (std::int64_t i = begin; i < end; ++i) attend(plan_.task(i), thread);
    };
    ctx_.parallel_for(plan_.n_tasks(), 1, attend_tasks, [&] { return cost(); });
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

  OpCost cost() const;
  void store_prompts();
  void attend(const AttentionTask& task, int thread);
  void merge(const AttentionRun& run, std::int64_t row, int kv_head, int thread);
  void gather_rows(const AttentionTask& task, float* q, std::int32_t* first,
                   std::int32_t* last) const;
  // Of a row that has those of one KV head.
  std::span<float> head_at(float* row, int head) const {
    return {row + std::int64_t{head} * kv_.head_dim, static_cast<std::size_t>(kv_.head_dim)};
  }
  // Values were rotated, so what is a sum of them is rotated back.
  void restore(std::int64_t row, float* out) const {
    for (int head = 0; head < group_; ++head) {
      transform_head(ctx_, input_.of_v, row, head_at(out, head));
    }
  }
  std::byte* scratch(int thread) { return ctx_.scratch(thread, scratch_bytes_); }

  OpContext& ctx_;
  const KvLayout& kv_;
  const AttentionParams& params_;
  const AttentionInput& input_;
  std::span<float> out_;
  int group_;
  std::size_t scratch_bytes_;
  AttentionPlan plan_;
};

// Every key and value that a run sees is read once, whatever the tiles.
OpCost Attend::cost() const {
  OpCost cost{.name = "attention"};
  for (const AttentionRun& run : input_.runs) {
    cost.bytes +=
        (positions_of(input_, run).end - plan_.first_key(run.row_begin)) * position_bytes(kv_);
    for (std::int64_t row = run.row_begin; row < run.row_end; ++row) {
      const std::int32_t position = input_.positions[static_cast<std::size_t>(row)];
      const std::int64_t n_keys = position + 1 - plan_.first_key(row);
      cost.macs += 2 * n_keys * params_.n_heads * kv_.head_dim;
    }
  }
  return cost;
}

// Keys and values of the runs that can't store theirs as they attend.
void Attend::store_prompts() {
  std::int64_t n_all = 0, n_rows = 0;
  for (const AttentionRun& run : input_.runs) {
    if (plan_.stores_itself(run)) continue;
    n_all += n_pages(positions_of(input_, run));
    n_rows += run.row_end - run.row_begin;
  }
  if (n_all == 0) return;
  // Tokens of a page may share bytes: one thread stores them.
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    std::int64_t at = 0;  // the run's first page among those of all runs
    for (const AttentionRun& run : input_.runs) {
      if (plan_.stores_itself(run)) continue;
      const PositionRange all = positions_of(input_, run);
      const std::int64_t first_page = all.begin / kKvPageTokens - at;
      const std::int64_t from = std::max(all.begin, (first_page + begin) * kKvPageTokens);
      const std::int64_t to = std::min(all.end, (first_page + end) * kKvPageTokens);
      for (std::int64_t position = from; position < to; ++position) {
        for (int head = 0; head < kv_.n_kv_heads; ++head) {
          store_head(ctx_, kv_, input_, {run, run.row_begin + position - all.begin, head});
        }
      }
      at += n_pages(all);
      if (at >= end) break;
    }
  };
  const auto cost = [&] {
    const std::int64_t n_values = 2 * n_rows * kv_.n_kv_heads * kv_.head_dim;
    return OpCost{.name = "kv store", .bytes = n_values * 4 + n_rows * position_bytes(kv_)};
  };
  ctx_.parallel_for(n_all, std::clamp<std::int64_t>(n_all / (4 * ctx_.n_threads()), 1, 8), task,
                    cost);
}

void Attend::gather_rows(const AttentionTask& task, float* q, std::int32_t* first,
                         std::int32_t* last) const {
  const std::int64_t row_floats = std::int64_t{group_} * kv_.head_dim;
  for (std::int64_t row = task.row_begin; row < task.row_end; ++row) {
    const std::int64_t i = row - task.row_begin;
    std::copy_n(input_.q + row * input_.q_stride + task.kv_head * row_floats, row_floats,
                q + i * row_floats);
    for (int head = 0; head < group_; ++head) {
      transform_head(ctx_, input_.of_q, row, head_at(q + i * row_floats, head));
    }
    std::fill_n(last + i * group_, group_, input_.positions[static_cast<std::size_t>(row)]);
    std::fill_n(first + i * group_, group_, plan_.first_key(row));
  }
}

void Attend::attend(const AttentionTask& task, int thread) {
  const int dim = kv_.head_dim;
  const int n_rows = static_cast<int>(task.row_end - task.row_begin) * group_;
  if (plan_.stores_itself(*task.run) && plan_.is_last_part(task)) {
    for (std::int64_t row = task.row_begin; row < task.row_end; ++row) {
      store_head(ctx_, kv_, input_, {*task.run, row, task.kv_head});
    }
  }
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
    float* to = out_.data() + (row * kv_.n_kv_heads + task.kv_head) * row_floats;
    std::copy_n(out + (row - task.row_begin) * row_floats, row_floats, to);
    restore(row, to);
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
  restore(row, args.out);
}

}  // namespace

void attend(OpContext& ctx, const KvLayout& kv, const AttentionParams& params,
            const AttentionInput& input, std::span<float> out) {
  Attend(ctx, kv, params, input, out).run();
}

ScratchBytes attention_scratch_bytes(const AttentionShape& shape) {
  const int group = shape.n_heads / shape.n_kv_heads;
  const auto rows = static_cast<std::size_t>(AttentionPlan::positions_per_task(group) * group);
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
