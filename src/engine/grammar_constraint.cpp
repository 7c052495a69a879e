#include "engine/grammar_constraint.h"

#include <algorithm>
#include <vector>

#include "text/grammar/gbnf.h"
#include "text/grammar/json_schema.h"

namespace slip {
namespace {

class GrammarConstraint : public TokenConstraint {
 public:
  GrammarConstraint(std::shared_ptr<grammar::TokenMasks> masks, const Tokenizer& tokenizer)
      : masks_(std::move(masks)),
        tokenizer_(tokenizer),
        ends_(tokenizer.end_of_generation_ids()),
        state_(masks_->start()),
        mask_(masks_->n_words()) {}

  std::span<const std::uint64_t> allowed() override {
    if (has_failed_ || !fill()) return {};
    const bool is_none =
        std::all_of(mask_.begin(), mask_.end(), [](std::uint64_t word) { return word == 0; });
    return is_none ? std::span<const std::uint64_t>() : mask_;
  }

  void accept(std::int32_t token) override {
    if (is_end(token)) {
      has_failed_ |= !masks_->can_end(state_);
      has_ended_ = true;
    } else {
      has_failed_ |= has_ended_ || !step(state_, token);
    }
  }

  std::size_t n_acceptable(std::span<const std::int32_t> draft) override {
    grammar::GrammarState state = state_;
    std::size_t n = 0;
    if (has_failed_ || has_ended_) return 0;
    while (n < draft.size() && step(state, draft[n])) ++n;
    if (n < draft.size() && is_end(draft[n]) && masks_->can_end(state)) ++n;
    return n;
  }

 private:
  bool is_end(std::int32_t token) const {
    return std::find(ends_.begin(), ends_.end(), token) != ends_.end();
  }

  bool step(grammar::GrammarState& state, std::int32_t token) {
    if (!tokenizer_.contains(token) || tokenizer_.is_special(token) || is_end(token)) return false;
    const std::string_view bytes = tokenizer_.token_bytes(token);
    return !bytes.empty() && masks_->accept(state, bytes);
  }

  bool fill() {
    if (has_ended_) {
      std::fill(mask_.begin(), mask_.end(), 0);
    } else if (!masks_->fill(state_, mask_)) {
      return false;
    }
    if (!has_ended_ && !masks_->can_end(state_)) return true;
    for (const int id : ends_) {
      mask_[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64);
    }
    return true;
  }

  std::shared_ptr<grammar::TokenMasks> masks_;
  const Tokenizer& tokenizer_;
  std::vector<int> ends_;
  grammar::GrammarState state_;
  std::vector<std::uint64_t> mask_;
  bool has_ended_ = false;
  bool has_failed_ = false;
};

Result<grammar::Grammar> parse(const GrammarSource& source) {
  switch (source.kind) {
    case GrammarSource::Kind::kGbnf:
      return grammar::parse_gbnf(source.text);
    case GrammarSource::Kind::kJsonSchema:
      return grammar::parse_json_schema(source.text);
    case GrammarSource::Kind::kJsonObject:
      break;
  }
  return grammar::json_object_grammar();
}

}  // namespace

Result<std::shared_ptr<grammar::TokenMasks>> GrammarCache::masks_for(const GrammarSource& source) {
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.source == source; });
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
    return entries_.front().masks;
  }
  const grammar::Grammar parsed = SLIP_TRY(parse(source));
  grammar::Network network = SLIP_TRY(grammar::Network::build(parsed));
  if (trie_ == nullptr) trie_ = std::make_shared<const grammar::TokenTrie>(tokenizer_);
  entries_.push_front({source, std::make_shared<grammar::TokenMasks>(std::move(network), trie_)});
  if (entries_.size() > kMaxGrammars) entries_.pop_back();
  return entries_.front().masks;
}

Result<std::unique_ptr<TokenConstraint>> GrammarCache::constrain(const GrammarSource& source) {
  if (tokenizer_.end_of_generation_ids().empty()) {
    return fail(ErrorKind::kUnsupported, "grammar: the model has no token that ends an answer");
  }
  return std::make_unique<GrammarConstraint>(SLIP_TRY(masks_for(source)), tokenizer_);
}

}  // namespace slip
