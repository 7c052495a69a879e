#include "engine/draft_length.h"

#include <algorithm>

namespace slip {
namespace {

constexpr double kNew = 0.2;  // weight of a new sample in the running means
constexpr std::int64_t kFewSamples = 3;
constexpr double kTrustInFirst = 3;       // samples that the rate which is assumed at first weighs
constexpr double kOutlier = 1.5;          // times the mean: what takes longer was interrupted
constexpr std::int64_t kPlainEvery = 64;  // passes
constexpr std::int64_t kAttempt = 2;      // tokens of a draft that only looks whether it pays
// A draft has to promise so much more than a plain pass: what was measured is noisy.
constexpr double kMargin = 1.05;
// Passes over which reading what was missed has to pay: answers are seldom shorter.
constexpr double kHorizon = 64;
constexpr double kPerRow = 0.06;  // a row's share of a pass, while it isn't known

// Tokens to expect of a pass with k drafted tokens: 1 + p + … + p^k.
double expected_tokens(double p, std::int64_t k) {
  double sum = 1, power = 1;
  for (std::int64_t i = 0; i < k; ++i) sum += power *= p;
  return sum;
}

}  // namespace

void CostMean::add(double sample) {
  if (n_ == 0 || (n_ < kFewSamples && sample < value_)) value_ = sample;
  if (n_ >= kFewSamples) value_ += kNew * (std::min(sample, kOutlier * value_) - value_);
  ++n_;
}

void PassTimes::record(std::int64_t rows, std::int64_t ns) {
  means_[static_cast<std::size_t>(rows)].add(static_cast<double>(ns));
  since_plain_ = rows == 1 ? 0 : since_plain_ + 1;
}

// Rows that weren't timed cost what the largest smaller pass did and a bit for each row more; none
// cost less than one row.
double PassTimes::of(std::int64_t rows) const {
  std::int64_t known = rows;
  while (known > 1 && means_[static_cast<std::size_t>(known)].n() == 0) --known;
  const double plain = means_[1].value();
  return std::max(plain, means_[static_cast<std::size_t>(known)].value()) +
         kPerRow * static_cast<double>(rows - known) * plain;
}

bool PassTimes::needs_plain() const {
  return means_[1].n() < kFewSamples || since_plain_ >= kPlainEvery;
}

DraftLength::Choice DraftLength::best(const PassTimes& passes, double accept_rate,
                                      double reading_ns) const {
  Choice best{.gain = kMargin};
  // As long as its cost isn't known, a draft is short.
  const std::int64_t most = token_ns_.n() == 0 ? std::min(kAttempt, most_) : most_;
  for (std::int64_t k = 1; k <= most; ++k) {
    const double ns =
        passes.of(k + 1) + static_cast<double>(k) * token_ns_.value() + reading_ns / kHorizon;
    const double gain = expected_tokens(accept_rate, k) * passes.of(1) / ns;
    if (gain > best.gain) best = {.n_tokens = k, .gain = gain};
  }
  return best;
}

DraftLength::Choice DraftLength::choose(const PassTimes& passes, std::int64_t n_missed) const {
  if (most_ <= 0 || passes.needs_plain()) return {};
  const double reading_ns = static_cast<double>(n_missed) * reading_ns_.value();
  const Choice paying = best(passes, accept_rate_, reading_ns);
  if (paying.n_tokens > 0) return paying;
  const std::int64_t k = std::min(kAttempt, most_);
  const double plain = passes.of(1);
  const double loss =
      std::max(kPerRow * plain,
               reading_ns + static_cast<double>(k) * token_ns_.value() + passes.of(k + 1) - plain);
  return {.n_tokens = idle_ns_ >= patience_ * loss ? k : 0};
}

void DraftLength::record_reading(std::int64_t n_tokens, std::int64_t ns) {
  reading_ns_.add(static_cast<double>(ns) / static_cast<double>(n_tokens));
}

void DraftLength::record_draft(const Draft& draft, const PassTimes& passes) {
  token_ns_.add(static_cast<double>(draft.ns) / static_cast<double>(draft.n_tokens));
  // The first rejected token ends a draft: those behind it were not put to the test.
  const std::int64_t tested = std::min(draft.n_accepted + 1, draft.n_tokens);
  for (std::int64_t i = 0; i < tested; ++i) {
    // What was assumed gives way to the first few samples quickly.
    const double weight = std::max(kNew, 1 / (kTrustInFirst + static_cast<double>(n_tested_++)));
    accept_rate_ += weight * ((i < draft.n_accepted ? 1.0 : 0.0) - accept_rate_);
  }
  // Another draft may follow at once when all was right and, going on like that, would pay.
  if (draft.n_accepted == draft.n_tokens && best(passes, 1, 0).n_tokens > 0) return;
  idle_ns_ = 0;
  const bool pays = best(passes, accept_rate_, 0).n_tokens > 0;
  patience_ = pays ? kLeastPatience : std::min(2 * patience_, kMostPatience);
}

}  // namespace slip
