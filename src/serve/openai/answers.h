// From pieces of answers to responses of the OpenAI API: all at once, or as a stream.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/answer.h"
#include "serve/call.h"
#include "serve/openai/responses.h"
#include "serve/served_model.h"
#include "serve/tool_calls.h"

namespace slip {

enum class AnswerKind { kChat, kText };

struct AnswerOptions {
  AnswerKind kind = AnswerKind::kChat;
  ResponseHead head;
  std::size_t n_choices = 1;
  std::size_t n_per_prompt = 1;  // choices that share a prompt, whose tokens count once
  bool with_logprobs = false;
  bool include_usage = false;            // of a stream
  std::optional<ToolFormat> tools = {};  // calls are looked for in the text
  ToolCallParser::Calls calls = ToolCallParser::Calls::kMany;
};

// What both have in common: counting what has ended. Thread-safe.
class OpenAiAnswer : public AnswerListener {
 public:
  OpenAiAnswer(std::shared_ptr<Call> call, std::shared_ptr<const ServedModel> model,
               AnswerOptions options);

  // All choices have been submitted: a stream begins, unless it has.
  void begin();
  // Some could not be submitted: what comes of the others is dropped.
  void abandon(const ApiError& error);

  Answer on_piece(std::size_t choice, AnswerPiece piece) final;
  void on_end(std::size_t choice, const RequestEnd& end) final;

 protected:
  // Called by one thread at a time.
  virtual void start() {}
  virtual Answer add(std::size_t choice, AnswerPiece piece) = 0;
  // A choice has ended well.
  virtual void complete(std::size_t choice, std::string_view finish_reason) = 0;
  // All have.
  virtual void respond(const Usage& usage) = 0;
  // Something has failed; nothing comes behind it.
  virtual void fail(const ApiError& error) = 0;

  Call& call() { return *call_; }
  const Tokenizer& tokenizer() const { return *model_->tokenizer; }
  const AnswerOptions& options() const { return options_; }
  // An id for a call of a tool.
  std::string call_id(std::size_t choice, std::size_t index) const;
  // Of all choices; their reason to finish, if it is the same.
  AnswerSummary summary(const Usage& usage) const;

 private:
  std::shared_ptr<Call> call_;
  std::shared_ptr<const ServedModel> model_;
  const AnswerOptions options_;
  std::mutex mutex_;
  Usage usage_;
  std::string_view finish_reason_;
  std::size_t n_ended_ = 0;
  bool failed_ = false;
};

// One response for all choices.
std::shared_ptr<OpenAiAnswer> collected_answer(std::shared_ptr<Call> call,
                                               std::shared_ptr<const ServedModel> model,
                                               AnswerOptions options);
// Server-sent events.
std::shared_ptr<OpenAiAnswer> streamed_answer(std::shared_ptr<Call> call,
                                              std::shared_ptr<const ServedModel> model,
                                              AnswerOptions options);

}  // namespace slip
