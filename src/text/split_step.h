// Pre-tokenisation: text is cut into pieces, and merges never cross the border of a piece.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

namespace slip {

using Pieces = std::vector<std::string_view>;

// One way of cutting. Const use is thread-safe.
class SplitStep {
 public:
  virtual ~SplitStep() = default;
  // Appends the pieces of `text` (valid UTF-8, not empty), in order, as views into it. Pieces are
  // not empty and cut at character boundaries; what they leave out is dropped from the text.
  virtual void split(std::string_view text, Pieces& out) const = 0;
};

// Steps applied one after the other, each to the pieces of the one before. No steps: one piece.
class PreTokenizer {
 public:
  void add(std::unique_ptr<SplitStep> step) { steps_.push_back(std::move(step)); }
  bool empty() const { return steps_.empty(); }
  // Replaces `pieces` by those of `text` (valid UTF-8).
  void split(std::string_view text, Pieces& pieces) const;

 private:
  std::vector<std::unique_ptr<SplitStep>> steps_;
};

// What becomes of the matches of a pattern (the behaviours of Hugging Face's Split).
enum class SplitBehavior {
  kIsolated,            // a match is a piece, what lies between matches too
  kRemoved,             // matches are dropped
  kMergedWithPrevious,  // a match ends the piece before it
  kMergedWithNext,      // a match begins the piece after it
  kContiguous,          // adjacent matches are one piece
};

}  // namespace slip
