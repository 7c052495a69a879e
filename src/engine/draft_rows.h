// How many guessed tokens the next pass checks, of many sequences: what pays.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/draft_length.h"

namespace slip {

// Guesses that one pass checks, of all sequences: with more rows a pass is bound by arithmetic, and
// a row of logits of a large vocabulary is half a MB.
inline constexpr std::int64_t kMostDraftRows = 64;

// What a pass takes in which nothing is prefilled, in ns, by its rows: exactly up to 16, four steps
// an octave from there. Measured, not a line: kernels change with the number of rows. What isn't
// met again for a while is forgotten. A value. Nothing allocates.
class RowTimes {
 public:
  // A pass of `n_rows`, of which `n_plain` checked no guess. All of them gave `n_given` tokens; of
  // those with guesses `promised` is what choose_draft_rows() returned, 0 when it wasn't asked.
  struct Pass {
    std::int64_t n_rows = 0;
    std::int64_t n_plain = 0;
    std::int64_t ns = 0;
    std::int64_t n_given = 0;
    double promised = 0;
  };
  void record(const Pass& pass);
  // Of rows that weren't timed: between those that were; beyond, what the most that were timed take
  // and a bit for each row more. 0 when nothing was timed.
  double of(std::int64_t n_rows) const;
  // Whether a pass of so many rows should be timed without guesses: it isn't known well, or what it
  // is known by has grown old.
  bool needs_plain(std::int64_t n_rows) const;
  // What became of promises, where so many sequences decode: of the gain over plain passes that
  // guesses promised, the share that they brought, at most 1. Where guesses aren't checked it comes
  // back to 1 by and by, so that they are tried again.
  double kept(std::int64_t n_plain) const;

 private:
  struct Entry {
    CostMean ns;
    std::int64_t last_pass = 0;
    double promised = 1, brought = 1;  // running means
  };
  std::array<Entry, 48> entries_{};
  std::int64_t n_passes_ = 0;
  std::int64_t n_since_plain_ = 0;
};

// Share of a sequence's guesses that were right: of the first few, then with a weight of 1/5 for
// each new one.
class AcceptRate {
 public:
  AcceptRate() = default;
  explicit AcceptRate(double expected) : value_(expected) {}
  void add(bool was_right);
  double value() const { return value_; }
  std::int64_t n_tested() const { return n_tested_; }

 private:
  double value_ = 0;
  std::int64_t n_tested_ = 0;
};

// Guesses at a sequence's next tokens.
struct DraftOffer {
  std::int32_t sequence = 0;   // the caller's
  std::int64_t n_guessed = 0;  // that the pass could check
  double accept_rate = 0;      // chance of each, given that those before it are right
  std::int64_t n_rows = 0;     // the choice
  double chance = 0;           // of the next one
};

// Chooses the rows with the most tokens a second to expect in a pass of `n_plain` sequences that
// decode and nothing else (Leviathan et al. 2023, theorem 3.8, with measured times, over all
// sequences at once: the likeliest guesses first). None where that isn't more than without. Returns
// the gain to expect: tokens a second over those of a plain pass.
struct DraftLimits {
  std::int64_t n_plain = 0;    // rows without guesses
  std::int64_t most_rows = 0;  // of guesses
  double most_ns = 0;          // that the pass may take
};
double choose_draft_rows(const RowTimes& times, const DraftLimits& limits,
                         std::span<DraftOffer> offers);

// Chooses up to `most_rows` of the guesses that are right with a chance of at least `least`.
void choose_likely_rows(double least, std::int64_t most_rows, std::span<DraftOffer> offers);

}  // namespace slip
