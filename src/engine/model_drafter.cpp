#include "engine/model_drafter.h"

#include <algorithm>
#include <iterator>

namespace slip {

Result<> check_draft_vocabulary(const Tokenizer& target, const Tokenizer& draft) {
  const auto is_unused = [](const Tokenizer& t, int id) {
    return t.token_kind(id) == TokenKind::kUnused;
  };
  for (int id = 0; id < std::min(target.n_vocab(), draft.n_vocab()); ++id) {
    if (target.token_bytes(id) == draft.token_bytes(id)) continue;
    if (is_unused(target, id) || is_unused(draft, id)) continue;
    return invalid("vocabulary of the draft model: token {}: expected '{}', got '{}'", id,
                   target.token_name(id), draft.token_name(id));
  }
  return {};
}

ModelDrafter::ModelDrafter(Session& session, std::int64_t n_vocab)
    : session_(session), n_vocab_(std::min(n_vocab, session.n_vocab())) {}

void ModelDrafter::begin(SamplingParams params, const std::atomic<bool>* cancel) {
  for (auto it = params.logit_bias.begin(); it != params.logit_bias.end();) {
    it = it->first < n_vocab_ ? std::next(it) : params.logit_bias.erase(it);
  }
  sampler_ = Sampler(std::move(params));
  cancel_ = cancel;
}

// The newest token, and the draft's last if all of it was right, are read with the next draft.
std::int64_t ModelDrafter::n_missed(Text text) const {
  const auto [end, unused] =
      std::mismatch(text.begin(), text.end(), session_.tokens().begin(), session_.tokens().end());
  return std::max<std::int64_t>(0, text.end() - end - 2);
}

void ModelDrafter::catch_up(Text text) {
  if (n_missed(text) == 0 || std::ssize(text) > session_.n_ctx()) return;
  // What couldn't be read is found missing by propose().
  static_cast<void>(session_.prefill(text.first(text.size() - 1), cancel_));
}

Drafter::Text ModelDrafter::propose(Text text, std::int64_t max_tokens) {
  const auto n_text = static_cast<std::int64_t>(text.size());
  // The last token of a draft isn't read.
  max_tokens = std::min(max_tokens, session_.n_ctx() - n_text + 1);
  text_.assign(text.begin(), text.end());
  if (max_tokens <= 0) return {};
  auto logits = session_.prefill(text, cancel_);
  while (logits) {
    const auto shared = logits->first(static_cast<std::size_t>(n_vocab_));
    text_.push_back(sampler_.sample(shared, text_, std::ssize(text_)));
    if (std::ssize(text_) - n_text == max_tokens) break;
    logits = session_.extend(Text(text_).last(1));
  }
  return Text(text_).subspan(text.size());
}

}  // namespace slip
