#include "ops/attention.h"

#include <algorithm>
#include <cstring>

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
};

class Attend {
 public:
  Attend(OpContext& ctx, const KvLayout& kv, const AttentionParams& params,
         const AttentionInput& input, std::span<float> out)
      : ctx_(ctx), kv_(kv), params_(params), input_(input), out_(out) {}

  void run(const Task& task, int thread, std::size_t scratch_bytes) {
    const int group = params_.n_heads / kv_.n_kv_heads, dim = kv_.head_dim;
    const int n_rows = static_cast<int>(task.row_end - task.row_begin) * group;
    const std::int64_t q_width = std::int64_t{params_.n_heads} * dim;
    const std::int64_t head_offset = std::int64_t{task.kv_head} * group * dim;
    TaskScratch scratch{ctx_.scratch(thread, scratch_bytes)};
    float* q = scratch.take<float>(static_cast<std::size_t>(n_rows * dim));
    float* out = scratch.take<float>(static_cast<std::size_t>(n_rows * dim));
    auto* first = scratch.take<std::int32_t>(static_cast<std::size_t>(n_rows));
    auto* last = scratch.take<std::int32_t>(static_cast<std::size_t>(n_rows));
    const std::size_t row_floats = static_cast<std::size_t>(group * dim);
    for (std::int64_t row = task.row_begin; row < task.row_end; ++row) {
      const auto i = (row - task.row_begin) * group;
      std::memcpy(q + i * dim, input_.q + row * input_.q_stride + head_offset, row_floats * 4);
      const std::int32_t position = input_.positions[static_cast<std::size_t>(row)];
      std::fill_n(last + i, group, position);
      std::fill_n(first + i, group,
                  params_.window > 0 ? std::max(0, position - params_.window + 1) : 0);
    }
    const int n_pages = last[n_rows - 1] / kKvPageTokens + 1;
    auto* pages = scratch.take<KvPagePtr>(static_cast<std::size_t>(n_pages));
    for (int p = 0; p < n_pages; ++p) {
      const std::int32_t page = task.run->pages[static_cast<std::size_t>(p)];
      pages[p] = {kv_.keys(page, task.kv_head), kv_.values(page, task.kv_head)};
    }
    const AttentionArgs args{.type = kv_.type,
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
                             .scratch = scratch.take<float>(slip::attention_scratch(n_rows, dim))};
    ctx_.kernels().attention(&args);
    for (std::int64_t row = task.row_begin; row < task.row_end; ++row) {
      std::memcpy(out_.data() + row * q_width + head_offset,
                  out + (row - task.row_begin) * group * dim, row_floats * 4);
    }
  }

 private:
  OpContext& ctx_;
  const KvLayout& kv_;
  const AttentionParams& params_;
  const AttentionInput& input_;
  std::span<float> out_;
};

// The task with index `i` when runs are cut into tiles of `tile` rows, tile-major over KV heads.
Task task_at(std::int64_t i, std::span<const AttentionRun> runs, std::int64_t tile,
             int n_kv_heads) {
  for (const AttentionRun& run : runs) {
    const std::int64_t tiles = (run.row_end - run.row_begin + tile - 1) / tile;
    if (i < tiles * n_kv_heads) {
      // The last tiles see the most keys: they go first, so that the threads end together.
      const std::int64_t begin = run.row_begin + (tiles - 1 - i / n_kv_heads) * tile;
      return {&run, begin, std::min(run.row_end, begin + tile), static_cast<int>(i % n_kv_heads)};
    }
    i -= tiles * n_kv_heads;
  }
  SLIP_CHECK(false);
  return {};
}

}  // namespace

void store_kv(OpContext& ctx, const KvLayout& kv, const AttentionInput& input) {
  const AttentionRun* runs = input.runs.data();
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    const AttentionRun* run = runs;
    for (std::int64_t row = begin; row < end; ++row) {
      while (row >= run->row_end) ++run;
      const std::int32_t position = input.positions[static_cast<std::size_t>(row)];
      const std::int32_t page = run->pages[static_cast<std::size_t>(position / kKvPageTokens)];
      for (int head = 0; head < kv.n_kv_heads; ++head) {
        const std::int64_t offset = row * input.kv_stride + std::int64_t{head} * kv.head_dim;
        const KvStoreArgs args{.type = kv.type,
                               .k = input.k + offset,
                               .v = input.v + offset,
                               .head_dim = kv.head_dim,
                               .slot = position % kKvPageTokens,
                               .k_page = kv.keys(page, head),
                               .v_page = kv.values(page, head)};
        ctx.kernels().kv_store(&args);
      }
    }
  };
  ctx.pool().parallel_for(static_cast<std::int64_t>(input.positions.size()), kKvPageTokens, task);
}

void attend(OpContext& ctx, const KvLayout& kv, const AttentionParams& params,
            const AttentionInput& input, std::span<float> out) {
  const int tile = positions_per_task(params.n_heads / kv.n_kv_heads);
  std::int64_t n_tasks = 0;
  std::int64_t n_ctx = 0;
  for (const AttentionRun& run : input.runs) {
    n_tasks += (run.row_end - run.row_begin + tile - 1) / tile * kv.n_kv_heads;
    n_ctx =
        std::max(n_ctx, std::int64_t{kKvPageTokens} * static_cast<std::int64_t>(run.pages.size()));
  }
  Attend op(ctx, kv, params, input, out);
  const std::size_t scratch =
      attention_scratch_bytes(n_ctx, params.n_heads, kv.n_kv_heads, kv.head_dim);
  const auto fn = [&](std::int64_t begin, std::int64_t end, int thread) {
    for (std::int64_t i = begin; i < end; ++i) {
      op.run(task_at(i, input.runs, tile, kv.n_kv_heads), thread, scratch);
    }
  };
  ctx.pool().parallel_for(n_tasks, 1, fn);
}

std::size_t attention_scratch_bytes(std::int64_t n_ctx, int n_heads, int n_kv_heads, int head_dim) {
  const int group = n_heads / n_kv_heads;
  const auto rows = static_cast<std::size_t>(positions_per_task(group) * group);
  const auto dim = static_cast<std::size_t>(head_dim);
  const auto n_pages = static_cast<std::size_t>(n_ctx / kKvPageTokens + 1);
  return 2 * align64(rows * dim * 4) + 2 * align64(rows * 4) +
         align64(n_pages * sizeof(KvPagePtr)) +
         align64(slip::attention_scratch(static_cast<int>(rows), head_dim) * 4);
}

}  // namespace slip
