// Guesses at the tokens that come next, for speculative decoding.
#pragma once

#include <cstdint>
#include <span>

namespace slip {

// Follows one text that grows: what became of a draft is seen from the next call's text. A text
// that isn't the continuation of the last one is read anew from where they differ. Not thread-safe.
class Drafter {
 public:
  using Text = std::span<const std::int32_t>;

  virtual ~Drafter() = default;

  // Tokens that it has missed, and would have to read before it can draft what follows `text`.
  virtual std::int64_t n_missed(Text text) const = 0;
  // Reads them.
  virtual void catch_up(Text text) = 0;
  // Up to `max_tokens` tokens that may follow `text`; none when there is nothing to guess from.
  // Valid until the next call.
  virtual Text propose(Text text, std::int64_t max_tokens) = 0;
};

}  // namespace slip
