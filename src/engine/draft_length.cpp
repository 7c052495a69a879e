#include "engine/draft_length.h"

#include <algorithm>

namespace slip {
namespace {

constexpr double kNew = 0.2;          // weight of a new sample in the running means
constexpr std::int64_t kAttempt = 2;  // tokens of a draft that only looks whether it pays
constexpr std::int64_t kMostPatience = 64;
// A draft has to promise so much more than a plain pass: what was measured is noisy.
constexpr double kMargin = 1.05;

// Tokens to expect of a pass with k drafted tokens: 1 + p + … + p^k.
double expected_tokens(double p, std::int64_t k) {
  double sum = 1, power = 1;
  for (std::int64_t i = 0; i < k; ++i) sum += power *= p;
  return sum;
}

}  // namespace

// Rows that weren't timed cost what the largest smaller pass did and a bit for each row more.
double DraftLength::cost(std::int64_t rows) const {
  constexpr double kPerRow = 0.06;
  std::int64_t known = rows;
  while (known > 1 && ns_[static_cast<std::size_t>(known)] == 0) --known;
  const double extra = kPerRow * static_cast<double>(rows - known);
  return ns_[static_cast<std::size_t>(known)] + extra * ns_[1];
}

std::int64_t DraftLength::choose() {
  if (most_ <= 0 || ns_[1] == 0) return 0;
  const double plain = 1 / cost(1);
  std::int64_t best = 0;
  double best_rate = plain * kMargin;
  for (std::int64_t k = 1; k <= most_; ++k) {
    const double rate = expected_tokens(accept_rate_, k) / cost(k + 1);
    if (rate > best_rate) {
      best = k;
      best_rate = rate;
    }
  }
  if (best > 0) return best;
  return idle_ >= patience_ ? std::min(kAttempt, most_) : 0;
}

void DraftLength::record(std::int64_t drafted, std::int64_t accepted, std::int64_t ns) {
  double& mean = ns_[static_cast<std::size_t>(drafted + 1)];
  mean = mean == 0 ? static_cast<double>(ns) : mean + kNew * (static_cast<double>(ns) - mean);
  if (drafted == 0) {
    ++idle_;
    return;
  }
  // The first rejected token ends a draft: those behind it were not put to the test.
  const std::int64_t tested = std::min(accepted + 1, drafted);
  for (std::int64_t i = 0; i < tested; ++i) {
    accept_rate_ += kNew * ((i < accepted ? 1.0 : 0.0) - accept_rate_);
  }
  // Attempts that fail become rarer.
  patience_ = accepted > 0 ? 8 : std::min(2 * patience_, kMostPatience);
  idle_ = 0;
}

}  // namespace slip
