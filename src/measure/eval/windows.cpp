#include "measure/eval/windows.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/hash.h"

namespace slip {

Result<Windows> Windows::cut(std::span<const std::int32_t> tokens, const Options& options) {
  if (options.size < 4) return invalid("window: expected at least 4 tokens, got {}", options.size);
  Windows windows(tokens, options);
  windows.count_ = std::ssize(tokens) / options.size;
  if (windows.count_ == 0) {
    return invalid("text: expected at least one window of {} tokens, got {} tokens", options.size,
                   tokens.size());
  }
  if (options.max_windows >= 0) windows.count_ = std::min(windows.count_, options.max_windows);
  if (windows.count_ == 0) return invalid("windows: expected at least one");
  return windows;
}

std::vector<std::int32_t> Windows::window(std::int64_t idx) const {
  const auto part = tokens_.subspan(static_cast<std::size_t>(idx * options_.size),
                                    static_cast<std::size_t>(options_.size));
  std::vector<std::int32_t> tokens(part.begin(), part.end());
  if (options_.bos >= 0) tokens[0] = options_.bos;
  return tokens;
}

std::uint64_t Windows::hash() const {
  const std::array<std::int64_t, 3> shape{options_.size, count_, options_.bos};
  ContentHasher hasher;
  hasher.add(std::as_bytes(std::span(shape)));
  hasher.add(std::as_bytes(tokens_.first(static_cast<std::size_t>(options_.size * count_))));
  return hasher.value();
}

Result<> check_window(const Windows& windows, std::int64_t n_ctx) {
  if (windows.size() <= n_ctx) return {};
  return invalid("window: expected at most the context of {} tokens, got {}", n_ctx,
                 windows.size());
}

WindowRunner::WindowRunner(ModelRunner& runner, const std::atomic<bool>* cancel)
    : runner_(&runner), cancel_(cancel), pages_(static_cast<std::size_t>(runner.kv().n_pages())) {
  std::iota(pages_.begin(), pages_.end(), 0);
}

Result<std::span<const float>> WindowRunner::run(std::span<const std::int32_t> tokens,
                                                 std::int64_t begin, std::int64_t end,
                                                 RowOutput output) {
  rows_.clear();
  for (std::int64_t i = begin; i < end; ++i) {
    rows_.push_back({.token = tokens[static_cast<std::size_t>(i)],
                     .position = static_cast<std::int32_t>(i),
                     .sequence = 0,
                     .output = output});
  }
  const std::span<const std::int32_t> page_table[] = {pages_};
  return SLIP_TRY(runner_->run({.rows = rows_, .page_tables = page_table, .cancel = cancel_}))
      .logits;
}

Result<> WindowRunner::skip(std::span<const std::int32_t> tokens, std::int64_t end) {
  for (std::int64_t begin = 0; begin < end; begin += max_rows()) {
    SLIP_TRY(run(tokens, begin, std::min(end, begin + max_rows()), RowOutput::kNone));
  }
  return {};
}

Result<std::span<const float>> WindowRunner::logits(std::span<const std::int32_t> tokens,
                                                    std::int64_t begin, std::int64_t end) {
  return run(tokens, begin, end, RowOutput::kLogits);
}

}  // namespace slip
