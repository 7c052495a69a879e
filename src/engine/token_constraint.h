// What may come next in one answer, beside what the model finds likely.
#pragma once

#include <cstdint>
#include <span>

namespace slip {

// Follows one answer. Not thread-safe.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // The tokens that may come next, bit i % 64 of word i / 64 for token i; valid until the next call
  // of a member function. An end-of-answer token is among them where the answer may end. Empty when
  // nothing can be said, or nothing may follow: the answer can't go on.
  virtual std::span<const std::uint64_t> allowed() = 0;
  // A token joins the answer. One that wasn't allowed leaves nothing that may follow.
  virtual void accept(std::int32_t token) = 0;
  // How many of `draft`'s first tokens may come next, one after the other. Changes nothing.
  virtual std::size_t n_acceptable(std::span<const std::int32_t> draft) = 0;
};

}  // namespace slip
