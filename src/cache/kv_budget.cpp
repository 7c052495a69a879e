#include "cache/kv_budget.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "model/kv_store.h"

namespace slip {
namespace {

std::uint64_t pages_of(std::int64_t n_tokens) {
  return static_cast<std::uint64_t>((n_tokens + kKvPageTokens - 1) / kKvPageTokens);
}

constexpr std::uint64_t to_mib(std::uint64_t bytes) {
  return (bytes + (1 << 20) - 1) >> 20;
}

}  // namespace

Result<std::int32_t> kv_pages(const KvBudget& budget) {
  SLIP_CHECK(budget.page_bytes > 0 && budget.min_tokens <= budget.max_tokens);
  const bool is_requested = budget.requested_bytes > 0;
  const std::uint64_t bytes =
      is_requested ? budget.requested_bytes
                   : static_cast<std::uint64_t>(static_cast<double>(budget.available_bytes) *
                                                kKvMemoryShare);
  const std::uint64_t n_pages = bytes / budget.page_bytes, least = pages_of(budget.min_tokens);
  if (n_pages < least) {
    return fail(ErrorKind::kLimit,
                "KV memory: expected at least {} MiB for {} tokens, got {} MiB{}",
                to_mib(least * budget.page_bytes), budget.min_tokens, bytes >> 20,
                is_requested ? "" : " (half of what is available)");
  }
  constexpr std::uint64_t kMostPages = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>(std::min({n_pages, pages_of(budget.max_tokens), kMostPages}));
}

}  // namespace slip
