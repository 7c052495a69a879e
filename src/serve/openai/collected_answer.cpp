#include "serve/openai/answers.h"

namespace slip {
namespace {

class CollectedAnswer final : public OpenAiAnswer {
 public:
  CollectedAnswer(std::shared_ptr<Call> call, std::shared_ptr<const ServedModel> model,
                  AnswerOptions answer_options)
      : OpenAiAnswer(std::move(call), std::move(model), std::move(answer_options)),
        choices_(options().n_choices) {}

  Answer add(std::size_t choice, AnswerPiece piece) override {
    Choice& c = choices_[choice];
    c.text += piece.text;
    std::move(piece.tokens.begin(), piece.tokens.end(), std::back_inserter(c.tokens));
    return Answer::kGoOn;
  }

 private:
  struct Choice {
    std::string text;
    std::vector<TokenInfo> tokens;
    std::string_view finish_reason;
  };

  void complete(std::size_t choice, const RequestEnd& end) override {
    choices_[choice].finish_reason = finish_reason_name(end.reason);
  }

  void respond(const AnswerSummary& usage) override {
    call().writer().respond(
        200, {"application/json",
              options().kind == AnswerKind::kChat ? chat(usage) : completion(usage)});
    call().finish(200, usage);
  }

  void fail(const ApiError& error) override { call().fail(error); }

  std::string chat(const AnswerSummary& usage) {
    std::vector<ChatChoice> made;
    made.reserve(choices_.size());
    for (std::size_t i = 0; i < choices_.size(); ++i) made.push_back(chat_choice(i));
    return chat_completion(options().head, made, usage, tokenizer());
  }

  ChatChoice chat_choice(std::size_t index) {
    Choice& c = choices_[index];
    ChatChoice made{.content = {},
                    .tool_calls = {},
                    .tokens = std::move(c.tokens),
                    .has_logprobs = options().with_logprobs,
                    .finish_reason = c.finish_reason};
    if (!options().tools) {
      made.content = std::move(c.text);
      return made;
    }
    ToolCallParser parser(*options().tools, options().calls);
    std::vector<ToolEvent> events = parser.push(c.text);
    for (ToolEvent& event : parser.finish()) events.push_back(std::move(event));
    for (ToolEvent& event : events) {
      switch (event.kind) {
        case ToolEvent::Kind::kText:
          made.content += event.text;
          break;
        case ToolEvent::Kind::kCall:
          made.tool_calls.push_back({.id = new_call_id(),
                                     .name = std::move(event.name),
                                     .arguments = std::move(event.text)});
          break;
        case ToolEvent::Kind::kArguments:
          made.tool_calls.back().arguments += event.text;
          break;
      }
    }
    if (!made.tool_calls.empty()) made.finish_reason = "tool_calls";
    return made;
  }

  std::string completion(const AnswerSummary& usage) {
    std::vector<TextChoice> made;
    made.reserve(choices_.size());
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      made.push_back({.index = i,
                      .text = std::move(choices_[i].text),
                      .tokens = std::move(choices_[i].tokens),
                      .has_logprobs = options().with_logprobs,
                      .finish_reason = choices_[i].finish_reason});
    }
    return text_completion(options().head, made, usage, tokenizer());
  }

  std::vector<Choice> choices_;
};

}  // namespace

std::shared_ptr<OpenAiAnswer> collected_answer(std::shared_ptr<Call> call,
                                               std::shared_ptr<const ServedModel> model,
                                               AnswerOptions options) {
  return std::make_shared<CollectedAnswer>(std::move(call), std::move(model), std::move(options));
}

}  // namespace slip
