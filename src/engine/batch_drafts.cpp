// BatchEngine's guessing ahead: who guesses, the rows that check, and what is learned from them.
#include <algorithm>

#include "engine/batch_engine.h"

namespace slip {

// Guesses at what follows a sequence that decodes. Whether they are right is learned from the
// tokens that come, whether a pass checks them or not.
void BatchEngine::propose(Sequence& s) {
  s.n_guessed = 0;
  const std::int64_t most = std::min(options_.draft_max, s.n_limit - s.n_tokens() - 1);
  if (!s.is_running || s.n_pending() != 1 || most <= 0) return;
  ngrams_.remember(s.id, s.tokens, s.n_remembered);
  s.n_remembered = s.n_tokens();
  std::span<std::int32_t> draft(s.draft.data(), static_cast<std::size_t>(most));
  if (!ngrams_.propose(s.id, s.tokens, draft)) return;
  // What can't be drawn isn't worth a row.
  const auto& stops = s.request.stop_tokens;
  const auto stop = std::find_first_of(draft.begin(), draft.end(), stops.begin(), stops.end());
  if (stop != draft.end()) draft = draft.first(static_cast<std::size_t>(stop - draft.begin()) + 1);
  TokenConstraint* constraint = s.request.constraint.get();
  s.n_guessed = constraint == nullptr ? std::ssize(draft)
                                      : static_cast<std::int64_t>(constraint->n_acceptable(draft));
}

// Behind the sequence's rows.
void BatchEngine::add_draft(Sequence& s, std::int64_t n_drafted) {
  for (std::int64_t i = 0; i < n_drafted; ++i) {
    rows_.push_back({.token = s.draft[static_cast<std::size_t>(i)],
                     .position = static_cast<std::int32_t>(s.n_tokens() + i),
                     .sequence = static_cast<std::int32_t>(tables_.size()) - 1,
                     .output = RowOutput::kLogits});
    shape_.add_decode(s.n_tokens() + i);
  }
  parts_.back().n_drafted = n_drafted;
  tables_.back() = s.pages;  // which may have grown
}

// A guess is right when it is the token that was drawn: then its row's logits are those that a pass
// of its own would give, to the bit, and the next token is drawn from them. What follows the first
// wrong one is computed again some time.
void BatchEngine::check_draft(Sequence& s, std::span<const BatchRow> rows) {
  const std::size_t end = n_logits_taken_ + rows.size();
  for (const BatchRow& row : rows) {
    if (s.is_done || row.token != s.tokens.back()) break;
    advance(s, 1);
    choose_token(s, next_logits());
  }
  n_logits_taken_ = end;
}

// From the tokens that came, which guesses were right, checked by the pass or not.
void BatchEngine::learn(Sequence& s, const Part& part, std::int64_t n_before) {
  counters_.n_drafts += part.n_drafted > 0;
  counters_.n_draft_tokens += part.n_drafted;
  const std::int64_t n_tested = std::min(s.n_tokens() - n_before, s.n_guessed);
  for (std::int64_t i = 0; i < n_tested; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const bool is_right = s.draft[at] == s.tokens[static_cast<std::size_t>(n_before + i)];
    s.accept_rate.add(is_right);
    if (!is_right || i >= part.n_drafted) continue;
    ++counters_.n_accepted;
    ++counters_.n_accepted_at[at];
  }
}

}  // namespace slip
