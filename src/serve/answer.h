// From the engine's tokens to what a protocol sends: text in whole characters, without stop
// strings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/request.h"
#include "engine/text_stream.h"

namespace slip {

struct TokenInfo {
  std::int32_t token = 0;
  std::optional<float> logprob = {};  // none: the first of a prompt
  std::vector<TokenLogprob> top = {};
};

struct AnswerPiece {
  std::string text;
  // Whose text has come out with this piece; only when log probabilities were asked for.
  std::vector<TokenInfo> tokens;
};

// Hears of the answers to one request, which may have several choices; on the engine's thread, so
// it must not wait.
class AnswerListener {
 public:
  enum class Answer { kGoOn, kCancel };  // kCancel: nobody reads any more

  virtual ~AnswerListener() = default;
  virtual Answer on_piece(std::size_t choice, AnswerPiece piece) = 0;
  virtual void on_embedding(std::size_t, std::span<const float>) {}
  // The choice's last call.
  virtual void on_end(std::size_t choice, const RequestEnd& end) = 0;
};

class Metrics;

struct ChoiceOptions {
  std::size_t choice = 0;
  std::vector<std::string> stop = {};
  std::vector<std::int32_t> stop_tokens = {};  // have no text
  std::vector<std::int32_t> shown = {};        // control tokens that have
  bool with_logprobs = false;
  // These begin the answer.
  std::vector<std::int32_t> echo = {};
  std::int64_t received_ns = 0;  // when the request came
  Metrics* metrics = nullptr;    // outlives the answer
};

// One choice's way from the engine to its listener.
class ChoiceSink final : public OutputSink {
 public:
  ChoiceSink(const Tokenizer& tokenizer, ChoiceOptions options,
             std::shared_ptr<AnswerListener> listener);

  Answer on_token(const TokenEvent& event) override;
  void on_prompt_token(const TokenEvent& event) override;
  void on_embedding(RequestId id, std::span<const float> values) override;
  void on_end(const RequestEnd& end) override;

 private:
  void add_info(const TokenEvent& event);
  void time_token();

  const ChoiceOptions options_;
  std::shared_ptr<AnswerListener> listener_;
  TextStream text_;
  AnswerPiece pending_;
  std::int64_t last_token_ns_ = 0;
  bool stopped_ = false;
};

}  // namespace slip
