#include "measure/workload.h"

#include <algorithm>
#include <numeric>

#include "base/os/clock.h"
#include "base/rng.h"
#include "model/gemm_record.h"

namespace slip {

Result<std::unique_ptr<Workload>> Workload::load(const std::filesystem::path& path,
                                                 Runtime& runtime, const LoadOptions& options,
                                                 WorkloadSize size) {
  const std::int64_t start = now_ns();
  std::unique_ptr<Workload> workload(new Workload);
  workload->source_ = SLIP_TRY(open_model(path));
  auto weights = SLIP_TRY(
      ModelWeights::load(workload->source_, {options.arithmetic, options.packed}, runtime.pool()));
  const bool exact = options.arithmetic == Arithmetic::kExact;
  const std::int64_t per_sequence = (size.n_ctx + kKvPageTokens - 1) / kKvPageTokens;
  const std::int64_t n_pages = per_sequence * size.n_sequences;
  if (n_pages > INT32_MAX)
    return fail(ErrorKind::kLimit, "KV cache: {} pages are too many", n_pages);
  const KernelTable kernels =
      tuned_kernels(runtime.kernels(), options.packed.cache, weights->packed.n_bytes_packed());
  workload->runner_ =
      SLIP_TRY(make_cpu_runner(std::move(weights), runtime.pool(),
                               {.n_ctx = size.n_ctx,
                                .max_rows = std::max(options.max_rows, size.n_sequences),
                                .kv = {.k_type = exact ? KvType::kF32 : options.k_type,
                                       .v_type = exact ? KvType::kF32 : options.v_type,
                                       .n_pages = static_cast<std::int32_t>(n_pages)},
                                .activations = options.activations,
                                .kernels = &kernels}));
  workload->pages_.resize(static_cast<std::size_t>(size.n_sequences));
  std::int32_t next = 0;
  for (auto& pages : workload->pages_) {
    pages.resize(static_cast<std::size_t>(per_sequence));
    std::iota(pages.begin(), pages.end(), next);
    next += static_cast<std::int32_t>(per_sequence);
    workload->page_tables_.emplace_back(pages);
  }
  workload->load_ns_ = now_ns() - start;
  return workload;
}

Result<> Workload::fill(std::int64_t depth, std::int64_t n_sequences) {
  const std::int64_t n_filled = std::min(depth, runner_->kv().n_filled(pages_[0], depth));
  SLIP_TRY(prompt(n_filled, depth - n_filled));
  const std::size_t n_pages = static_cast<std::size_t>((depth + kKvPageTokens - 1) / kKvPageTokens);
  for (std::size_t s = 1; s < static_cast<std::size_t>(n_sequences); ++s) {
    if (runner_->kv().n_filled(pages_[s], depth) >= depth) continue;
    for (std::size_t p = 0; p < n_pages; ++p) runner_->kv().copy_page(pages_[0][p], pages_[s][p]);
  }
  return {};
}

Result<> Workload::prompt(std::int64_t begin, std::int64_t n_tokens) {
  const std::int64_t end = begin + n_tokens;
  while (begin < end) {
    const std::int64_t stop = std::min(end, begin + runner_->max_rows());
    rows_.clear();
    for (; begin < stop; ++begin) add_row(begin, 0, RowOutput::kNone);
    if (stop == end) rows_.back().output = RowOutput::kLogits;
    SLIP_TRY(run());
  }
  return {};
}

Result<ForwardOutput> Workload::step(std::int64_t position, std::int64_t n_sequences) {
  rows_.clear();
  for (std::int32_t s = 0; s < n_sequences; ++s) add_row(position, s, RowOutput::kLogits);
  return run();
}

void Workload::add_row(std::int64_t position, std::int32_t sequence, RowOutput output) {
  const auto n_vocab = static_cast<std::uint64_t>(runner_->config().n_vocab);
  const auto token =
      random_bits(static_cast<std::uint64_t>(sequence), static_cast<std::uint64_t>(position));
  rows_.push_back({.token = static_cast<std::int32_t>(token % n_vocab),
                   .position = static_cast<std::int32_t>(position),
                   .sequence = sequence,
                   .output = output});
}

Result<ForwardOutput> Workload::run() {
  return runner_->run({.rows = rows_, .page_tables = page_tables_, .cancel = cancel_});
}

}  // namespace slip
