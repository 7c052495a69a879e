// From pieces of answers to responses of the OpenAI API: all at once, or as a stream.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/answer_group.h"
#include "serve/call.h"
#include "serve/generation.h"
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

// What both have in common. Thread-safe.
class OpenAiAnswer : public AnswerGroup {
 public:
  OpenAiAnswer(std::shared_ptr<Call> call, std::shared_ptr<const ServedModel> model,
               AnswerOptions options);

 protected:
  Call& call() { return *call_; }
  const Tokenizer& tokenizer() const { return *model_->tokenizer; }
  const AnswerOptions& options() const { return options_; }
  bool client_is_gone() const override { return call_->writer().is_gone(); }
  // An id for a call of a tool: nine letters and digits, as Mistral's templates demand.
  static std::string new_call_id();

 private:
  void abandoned() override { call_->finish(499, "the client has left"); }

  std::shared_ptr<Call> call_;
  std::shared_ptr<const ServedModel> model_;
  const AnswerOptions options_;
};

// One response for all choices.
std::shared_ptr<OpenAiAnswer> collected_answer(std::shared_ptr<Call> call,
                                               std::shared_ptr<const ServedModel> model,
                                               AnswerOptions options);
// Server-sent events.
std::shared_ptr<OpenAiAnswer> streamed_answer(std::shared_ptr<Call> call,
                                              std::shared_ptr<const ServedModel> model,
                                              AnswerOptions options);

// The answer comes on the engine's thread. Numbers of choices, log probabilities and usage in the
// options are those of the generation. 400 for a grammar that is none.
Reply<> generate(const std::shared_ptr<Call>& call, const std::shared_ptr<const ServedModel>& model,
                 const Generation& generation, AnswerOptions options);

}  // namespace slip
