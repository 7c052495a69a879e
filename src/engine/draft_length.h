// How many tokens to draft: what pays, by what it cost and brought so far.
#pragma once

#include <array>
#include <cstdint>

namespace slip {

// The most tokens that one pass checks.
inline constexpr std::int64_t kMostDrafted = 16;

// The least of the first few samples, which may come from cold caches; then a running mean.
class CostMean {
 public:
  void add(double sample);
  double value() const { return value_; }
  std::int64_t n() const { return n_; }

 private:
  double value_ = 0;
  std::int64_t n_ = 0;
};

// What a pass takes, by its rows, in ns.
class PassTimes {
 public:
  void record(std::int64_t rows, std::int64_t ns);
  // Of rows that weren't timed yet: an estimate from fewer.
  double of(std::int64_t rows) const;
  // Whether a pass without a draft should be timed: the first few must be known before anything is
  // compared with them, and what was known must not grow old where drafting goes on and on.
  bool needs_plain() const;

 private:
  std::array<CostMean, kMostDrafted + 2> means_{};
  std::int64_t since_plain_ = 0;
};

// A pass over 1 + k rows gives 1 + a tokens, a ≤ k of them drafted and accepted. Keeps running
// means of what a drafter takes for a token and of the rate at which its tokens are accepted, and
// picks the k with the most tokens a second to expect (Leviathan et al. 2023, theorem 3.8, with
// measured costs). Where that is 0 it drafts once in a while, to see whether the text has changed:
// once the time since the last draft is `patience_` times what the attempt may lose. That includes
// what the drafter has missed meanwhile, so one that reads slowly isn't tried again at all.
class DraftLength {
 public:
  explicit DraftLength(std::int64_t most) : most_(most < kMostDrafted ? most : kMostDrafted) {}

  struct Choice {
    std::int64_t n_tokens = 0;  // to draft, 0 … most
    double gain = 0;            // tokens a second to expect, relative to no draft; 0: an attempt
  };
  Choice choose(const PassTimes& passes, std::int64_t n_missed) const;

  // What the drafter took to read what it had missed.
  void record_reading(std::int64_t n_tokens, std::int64_t ns);
  // A draft that a pass has checked; `ns`: what it took to make.
  struct Draft {
    std::int64_t n_tokens = 0;
    std::int64_t n_accepted = 0;
    std::int64_t ns = 0;
  };
  void record_draft(const Draft& draft, const PassTimes& passes);
  // A pass without its help.
  void record_idle(std::int64_t ns) { idle_ns_ += static_cast<double>(ns); }

 private:
  // Patience: no more than a 32nd of the time goes into attempts, after failures less.
  static constexpr double kLeastPatience = 32, kMostPatience = 512;

  Choice best(const PassTimes& passes, double accept_rate, double reading_ns) const;

  std::int64_t most_;
  CostMean token_ns_;         // for each drafted token
  CostMean reading_ns_;       // for each token that was missed
  double accept_rate_ = 0.7;  // at first assumed
  std::int64_t n_tested_ = 0;
  double idle_ns_ = 0;  // since the last draft
  double patience_ = kLeastPatience;
};

}  // namespace slip
