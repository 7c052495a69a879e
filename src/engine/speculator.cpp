#include "engine/speculator.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/os/clock.h"
#include "engine/model_drafter.h"
#include "engine/ngram_drafter.h"

namespace slip {

Speculator::Speculator(const Options& options) {
  if (options.looks_up) {
    sources_.push_back({std::make_unique<NgramDrafter>(), DraftLength(options.most)});
  }
  if (options.model != nullptr) {
    auto model = std::make_unique<ModelDrafter>(*options.model, options.n_vocab);
    model_ = model.get();
    sources_.push_back({std::move(model), DraftLength(options.most)});
  }
}

Speculator::~Speculator() = default;

void Speculator::begin(const SamplingParams& params, const std::atomic<bool>* cancel) {
  if (model_ != nullptr) model_->begin(params, cancel);
}

Drafter::Text Speculator::draft(Drafter::Text text, std::int64_t most) {
  draft_ = {};
  n_used_ = 0;
  if (most <= 0) return {};
  std::vector<std::pair<DraftLength::Choice, std::size_t>> choices;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const auto n_missed = sources_[i].drafter->n_missed(text);
    choices.emplace_back(sources_[i].length.choose(passes_, n_missed), i);
  }
  std::stable_sort(choices.begin(), choices.end(),
                   [](const auto& a, const auto& b) { return a.first.gain > b.first.gain; });
  for (const auto& [choice, i] : choices) {
    if (choice.n_tokens == 0) continue;
    const auto draft = propose(sources_[i], text, std::min(most, choice.n_tokens));
    drafted_by_ = i;
    if (!draft.empty()) return draft;
  }
  return {};
}

Drafter::Text Speculator::propose(Source& source, Drafter::Text text, std::int64_t most) {
  const std::int64_t begin = now_ns();
  const std::int64_t n_missed = source.drafter->n_missed(text);
  source.drafter->catch_up(text);
  const std::int64_t caught_up = now_ns();
  if (n_missed > 0) source.length.record_reading(n_missed, caught_up - begin);
  const auto draft = source.drafter->propose(text, most);
  draft_ = {.n_tokens = std::ssize(draft), .ns = now_ns() - caught_up};
  n_used_ = draft_.n_tokens;
  return draft;
}

void Speculator::record(std::int64_t n_accepted, std::int64_t ns) {
  passes_.record(1 + n_used_, ns);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (draft_.n_tokens == 0 || i != drafted_by_) sources_[i].length.record_idle(ns);
  }
  if (draft_.n_tokens == 0) return;
  draft_.n_accepted = n_accepted;
  sources_[drafted_by_].length.record_draft(draft_, passes_);
}

}  // namespace slip
