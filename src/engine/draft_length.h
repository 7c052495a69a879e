// How many tokens to draft: what pays, by what it cost and brought so far.
#pragma once

#include <array>
#include <cstdint>

namespace slip {

// A pass over 1 + k rows gives 1 + a tokens, a ≤ k of them drafted and accepted. Keeps running
// means of a pass's time by its rows and of the rate at which drafted tokens are accepted, and
// picks the k with the most tokens a second to expect (Leviathan et al. 2023, eq. 1). Where that is
// 0 it drafts once in a while, to see whether the text has changed.
class DraftLength {
 public:
  static constexpr std::int64_t kMost = 16;

  explicit DraftLength(std::int64_t most) : most_(most < kMost ? most : kMost) {}

  // Tokens to draft next, 0 … most.
  std::int64_t choose();
  // What a pass with `drafted` tokens took, and how many of them were accepted.
  void record(std::int64_t drafted, std::int64_t accepted, std::int64_t ns);

 private:
  double cost(std::int64_t rows) const;

  std::int64_t most_;
  std::array<double, kMost + 2> ns_{};  // by rows; 0: not seen
  double accept_rate_ = 0.7;
  std::int64_t idle_ = 0;      // passes since the last draft
  std::int64_t patience_ = 8;  // of these, until the next attempt
};

}  // namespace slip
