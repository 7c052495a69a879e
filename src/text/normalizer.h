// Changes to the text before it is cut into pieces.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slip {

// One change. Const use is thread-safe.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  // Changes `text` (valid UTF-8) in place; it stays valid.
  virtual void apply(std::string& text) const = 0;
  // True when apply() surely leaves `text` as it is: spares a copy.
  virtual bool leaves(std::string_view) const { return false; }
};

// Steps in order.
class Normalizer {
 public:
  void add(std::unique_ptr<NormalizerStep> step) { steps_.push_back(std::move(step)); }
  // The normalised text: `text` itself, or a view into `buffer`.
  std::string_view apply(std::string_view text, std::string& buffer) const;

 private:
  std::vector<std::unique_ptr<NormalizerStep>> steps_;
};

// Literal "▁" becomes a space: inside the library the two are one, and written as a space.
std::unique_ptr<NormalizerStep> space_mark_step();

}  // namespace slip
