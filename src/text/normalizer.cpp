#include "text/normalizer.h"

#include "text/vocabulary.h"

namespace slip {
namespace {

class SpaceMarkStep : public NormalizerStep {
 public:
  void apply(std::string& text) const override {
    std::string out;
    out.reserve(text.size());
    append_with_spaces(out, text);
    text = std::move(out);
  }
  bool leaves(std::string_view text) const override {
    return text.find(kSpaceMarkText) == std::string_view::npos;
  }
};

}  // namespace

std::string_view Normalizer::apply(std::string_view text, std::string& buffer) const {
  bool copied = false;
  for (const auto& step : steps_) {
    if (step->leaves(copied ? std::string_view(buffer) : text)) continue;
    if (!copied) buffer.assign(text);
    copied = true;
    step->apply(buffer);
  }
  return copied ? std::string_view(buffer) : text;
}

std::unique_ptr<NormalizerStep> space_mark_step() {
  return std::make_unique<SpaceMarkStep>();
}

}  // namespace slip
