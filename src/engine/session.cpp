#include "engine/session.h"

#include <algorithm>
#include <numeric>

namespace slip {

Session::Session(ModelRunner& runner) : runner_(runner) {
  pages_.resize(static_cast<std::size_t>(runner.kv().n_pages()));
  std::iota(pages_.begin(), pages_.end(), 0);
}

Result<std::span<const float>> Session::prefill(std::span<const std::int32_t> tokens,
                                                const std::atomic<bool>* cancel,
                                                const OnChunk& on_chunk) {
  if (tokens.empty()) return invalid("prompt: expected at least one token");
  if (static_cast<std::int64_t>(tokens.size()) > n_ctx()) {
    return fail(ErrorKind::kLimit, "prompt: {} tokens don't fit the context of {} ({} too many)",
                tokens.size(), n_ctx(), static_cast<std::int64_t>(tokens.size()) - n_ctx());
  }
  const auto mismatch =
      std::mismatch(tokens.begin(), tokens.end(), tokens_.begin(), tokens_.end()).first;
  const auto common = static_cast<std::size_t>(mismatch - tokens.begin());
  truncate(std::min(common, tokens.size() - 1));
  n_reused_ = static_cast<std::int64_t>(tokens_.size());
  const auto total = static_cast<std::int64_t>(tokens.size());
  tokens = tokens.subspan(tokens_.size());
  const auto chunk = static_cast<std::size_t>(runner_.max_rows());
  while (tokens.size() > chunk) {
    SLIP_TRY(run(tokens.first(chunk), Logits::kNone, cancel));
    if (on_chunk) on_chunk(static_cast<std::int64_t>(tokens_.size()), total);
    tokens = tokens.subspan(chunk);
  }
  auto logits = run(tokens, Logits::kLast, cancel);
  if (on_chunk && logits) on_chunk(total, total);
  return logits;
}

Result<std::span<const float>> Session::extend(std::span<const std::int32_t> tokens) {
  if (static_cast<std::int64_t>(tokens_.size() + tokens.size()) > n_ctx()) {
    return fail(ErrorKind::kLimit, "the context of {} tokens is full", n_ctx());
  }
  return run(tokens, Logits::kAll, nullptr);
}

void Session::truncate(std::size_t n_tokens) {
  tokens_.resize(std::min(n_tokens, tokens_.size()));
}

Result<std::span<const float>> Session::run(std::span<const std::int32_t> tokens, Logits wanted,
                                            const std::atomic<bool>* cancel) {
  rows_.clear();
  for (const std::int32_t token : tokens) {
    rows_.push_back({.token = token,
                     .position = static_cast<std::int32_t>(tokens_.size() + rows_.size()),
                     .sequence = 0,
                     .output = wanted == Logits::kAll ? RowOutput::kLogits : RowOutput::kNone});
  }
  if (wanted == Logits::kLast) rows_.back().output = RowOutput::kLogits;
  const std::span<const std::int32_t> page_table[] = {pages_};
  const ForwardOutput out =
      SLIP_TRY(runner_.run({.rows = rows_, .page_tables = page_table, .cancel = cancel}));
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  peaks_ = out.peaks;
  return out.logits;
}

}  // namespace slip
