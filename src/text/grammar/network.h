// A grammar as a recursive transition network over bytes (Woods 1970): one automaton a rule, whose
// edges take a byte, nothing, what another rule matches, or a counted repetition.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"

namespace slip::grammar {

struct Edge {
  enum class Kind : std::uint8_t {
    kBytes,   // one byte of [first, last]
    kEmpty,   // nothing
    kCall,    // what leads from state `inner` to an end
    kRepeat,  // repetition `inner`
  };
  Kind kind = Kind::kEmpty;
  std::uint8_t first = 0;
  std::uint8_t last = 0;
  std::int32_t target = 0;
  std::int32_t inner = 0;
};

// What leads from `start` to an end, `times`.
struct Repeat {
  std::int32_t start = 0;
  Times times;
};

// Immutable. Every state leads to an end, and no rule comes back to itself without a byte.
class Network {
 public:
  // Small rules that don't contain themselves are copied to where they are used. Errors: kLimit
  // above kMaxStates; kInvalid for left recursion and for a grammar that matches no finite text,
  // both naming a rule.
  static Result<Network> build(const Grammar& grammar);

  std::int32_t start() const { return start_; }
  std::size_t n_states() const { return first_edge_.size() - 1; }
  std::span<const Edge> edges(std::int32_t state) const {
    const auto i = static_cast<std::size_t>(state);
    return std::span(edges_).subspan(first_edge_[i], first_edge_[i + 1] - first_edge_[i]);
  }
  // The end of a rule or of a repetition's part.
  bool is_end(std::int32_t state) const { return is_end_[static_cast<std::size_t>(state)] != 0; }
  // An end, or empty edges lead only to one: whoever returns here returns at once.
  bool only_ends(std::int32_t state) const {
    return only_ends_[static_cast<std::size_t>(state)] != 0;
  }
  const Repeat& repeat(std::int32_t index) const {
    return repeats_[static_cast<std::size_t>(index)];
  }
  std::size_t n_repeats() const { return repeats_.size(); }

  // Bytes of the same class are on the same edges.
  std::uint8_t byte_class(std::uint8_t byte) const { return byte_class_[byte]; }
  std::uint8_t class_byte(std::size_t byte_class) const { return class_byte_[byte_class]; }
  std::size_t n_classes() const { return class_byte_.size(); }

 private:
  friend class NetworkBuilder;
  void classify_bytes();
  void mark_ends();

  std::int32_t start_ = 0;
  std::vector<std::uint32_t> first_edge_;  // by state, and one more
  std::vector<Edge> edges_;
  std::vector<std::uint8_t> is_end_;
  std::vector<std::uint8_t> only_ends_;
  std::vector<Repeat> repeats_;
  std::array<std::uint8_t, 256> byte_class_{};
  std::vector<std::uint8_t> class_byte_;  // the first byte of each
};

}  // namespace slip::grammar
