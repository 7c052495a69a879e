#include "measure/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/os/clock.h"
#include "engine/candidates.h"
#include "engine/speculator.h"
#include "formats/json.h"

namespace slip {
namespace {

Result<ReplayText> read_line(std::string_view line, const std::string& place,
                             const Tokenizer& tokenizer) {
  const boost::json::value value = SLIP_TRY(parse_json(line, place));
  if (!value.is_object()) {
    return invalid("{}: expected an object, got {}", place, json_kind(value));
  }
  const JsonView view(value.get_object(), place);
  const EncodeOptions as_text{.add_special = false, .parse_special = false};
  ReplayText text;
  text.name = SLIP_TRY(view.string_or("name", place));
  const std::string prompt = SLIP_TRY(view.string("prompt"));
  const std::string answer = SLIP_TRY(view.string("answer"));
  text.prompt = tokenizer.encode(prompt);
  text.answer = tokenizer.encode(answer, as_text);
  if (text.prompt.empty() || text.answer.size() < 2) {
    return invalid("{}: expected a prompt and an answer of at least two tokens", place);
  }
  return text;
}

// Decodes one answer; without a speculator, token by token.
class Replay {
 public:
  Replay(Session& session, const ReplayText& text, Speculator* speculator)
      : session_(session), text_(text), speculator_(speculator), history_(text.prompt) {}

  // Tokens a second after the first one, which the prefill gives.
  Result<double> run(ReplayResult& counts, const std::atomic<bool>* cancel) {
    session_.truncate(0);
    SLIP_TRY(session_.prefill(text_.prompt, cancel));
    if (speculator_ != nullptr) speculator_->begin({}, cancel);
    history_.push_back(text_.answer[0]);
    const std::int64_t start = now_ns();
    while (n_left() > 0) {
      SLIP_TRY(pass(counts));
      if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
        return fail(ErrorKind::kCancelled, "the replay was cancelled");
      }
    }
    const auto ns = static_cast<double>(std::max<std::int64_t>(1, now_ns() - start));
    return static_cast<double>(text_.answer.size() - 1) * 1e9 / ns;
  }

 private:
  std::int64_t n_left() const {
    return std::ssize(text_.prompt) + std::ssize(text_.answer) - std::ssize(history_);
  }

  Result<> pass(ReplayResult& counts) {
    const std::int64_t start = now_ns();
    const std::int64_t most = std::min(n_left() - 1, session_.max_rows() - 1);
    const Drafter::Text draft =
        speculator_ != nullptr ? speculator_->draft(history_, most) : Drafter::Text();
    batch_.assign(1, history_.back());
    batch_.insert(batch_.end(), draft.begin(), draft.end());
    const auto logits = SLIP_TRY(session_.extend(batch_));
    const std::size_t n_vocab = logits.size() / batch_.size();
    const std::size_t at = history_.size() - text_.prompt.size();
    std::size_t n_right = 0;
    for (std::size_t row = 0;; ++row) {
      // What choosing a token costs belongs to it.
      sink_ += argmax(logits.subspan(row * n_vocab, n_vocab));
      history_.push_back(text_.answer[at + row]);
      if (row >= draft.size() || draft[row] != history_.back()) break;
      ++n_right;
    }
    session_.truncate(history_.size() - 1);
    if (speculator_ == nullptr) return {};
    speculator_->record(static_cast<std::int64_t>(n_right), now_ns() - start);
    counts.n_drafted += std::ssize(draft);
    counts.n_accepted += static_cast<std::int64_t>(n_right);
    return {};
  }

  Session& session_;
  const ReplayText& text_;
  Speculator* speculator_;
  std::vector<std::int32_t> history_;
  std::vector<std::int32_t> batch_;
  std::int64_t sink_ = 0;
};

}  // namespace

Result<std::vector<ReplayText>> read_replay(const std::filesystem::path& path,
                                            const Tokenizer& tokenizer) {
  const std::string content = SLIP_TRY(read_text(path));
  std::vector<ReplayText> texts;
  std::string_view rest = content;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("{}:{}", path.filename().string(), line);
    texts.push_back(SLIP_TRY(read_line(text, place, tokenizer)));
  }
  if (texts.empty()) return invalid("{}: expected lines of JSON, got none", path.string());
  return texts;
}

Result<std::vector<ReplayResult>> run_replay(Session& session, const std::vector<ReplayText>& texts,
                                             const ReplayOptions& options) {
  std::vector<ReplayResult> results;
  for (const ReplayText& text : texts) {
    results.push_back({.name = text.name, .n_tokens = std::ssize(text.answer)});
    const std::int64_t n_tokens = std::ssize(text.prompt) + std::ssize(text.answer);
    if (n_tokens > session.n_ctx()) {
      return fail(ErrorKind::kLimit, "{}: {} tokens don't fit the context of {}", text.name,
                  n_tokens, session.n_ctx());
    }
  }
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      ReplayResult& result = results[i];
      if (options.on_repeat) options.on_repeat(texts[i], repeat);
      result.plain.push_back(
          SLIP_TRY(Replay(session, texts[i], nullptr).run(result, options.cancel)));
      result.n_drafted = result.n_accepted = 0;
      Speculator speculator(Speculator::Options{});
      result.guessed.push_back(
          SLIP_TRY(Replay(session, texts[i], &speculator).run(result, options.cancel)));
    }
  }
  return results;
}

}  // namespace slip
