#include "serve/openai/answers.h"

namespace slip {
namespace {

// A client that leaves this much unread gets what follows in larger and fewer pieces; only the
// answer's end is sent in any case. ServerOptions::max_queued_bytes is more.
constexpr std::size_t kSlowReaderBytes = 256 << 10;

class StreamedAnswer final : public OpenAiAnswer {
 public:
  StreamedAnswer(std::shared_ptr<Call> call, std::shared_ptr<const ServedModel> model,
                 AnswerOptions answer_options)
      : OpenAiAnswer(std::move(call), std::move(model), std::move(answer_options)),
        choices_(options().n_choices) {
    for (Choice& choice : choices_) {
      if (options().tools) choice.parser.emplace(*options().tools, options().calls);
    }
  }

  Answer add(std::size_t choice, AnswerPiece piece) override {
    Choice& c = choices_[choice];
    c.waiting.text += piece.text;
    std::move(piece.tokens.begin(), piece.tokens.end(), std::back_inserter(c.waiting.tokens));
    if (call().writer().n_queued_bytes() > kSlowReaderBytes) {
      return call().writer().is_gone() ? Answer::kCancel : Answer::kGoOn;
    }
    send_waiting(choice);
    return is_open_ ? Answer::kGoOn : Answer::kCancel;
  }

  // Also the one whose stream was cut off.
  bool client_is_gone() const override { return !is_open_ || OpenAiAnswer::client_is_gone(); }

 private:
  struct Choice {
    AnswerPiece waiting;  // for the client to read what was sent
    std::optional<ToolCallParser> parser;
    std::size_t n_characters = 0;
    bool has_begun = false;
  };

  void start() override {
    if (!std::exchange(is_started_, true)) call().writer().start_events();
  }

  void send(std::string json) {
    if (!is_open_) return;
    start();
    const SendStatus status = call().writer().send(SseEvent{.data = std::move(json)});
    if (status == SendStatus::kQueued) return;
    is_open_ = false;
    // Not even the end finds room: the client sees that the stream is cut off.
    if (status == SendStatus::kFull) call().writer().cut_off();
  }

  void send_waiting(std::size_t choice) {
    AnswerPiece piece = std::exchange(choices_[choice].waiting, {});
    if (piece.text.empty() && piece.tokens.empty()) return;
    if (options().kind == AnswerKind::kChat) {
      send_chat(choice, std::move(piece));
    } else {
      send_text(choice, std::move(piece), {});
    }
  }

  void send_text(std::size_t choice, AnswerPiece piece, std::string_view finish_reason) {
    Choice& c = choices_[choice];
    const TextChoice made{.index = choice,
                          .text = std::move(piece.text),
                          .tokens = std::move(piece.tokens),
                          .has_logprobs = options().with_logprobs && finish_reason.empty(),
                          .text_offset = c.n_characters,
                          .finish_reason = finish_reason};
    c.n_characters += n_characters(made.tokens, tokenizer());
    send(text_chunk(options().head, made, tokenizer()));
  }

  void send_delta(ChatDelta delta) {
    Choice& c = choices_[delta.choice];
    delta.begins = !std::exchange(c.has_begun, true);
    send(chat_chunk(options().head, delta, tokenizer()));
  }

  void send_chat(std::size_t choice, AnswerPiece piece) {
    Choice& c = choices_[choice];
    if (!c.parser) {
      return send_delta({.choice = choice,
                         .content = std::move(piece.text),
                         .tokens = std::move(piece.tokens),
                         .has_logprobs = options().with_logprobs});
    }
    ChatDelta delta = tool_delta(choice, c.parser->push(piece.text));
    delta.tokens = std::move(piece.tokens);
    delta.has_logprobs = options().with_logprobs;
    const bool is_empty = !delta.content && delta.calls.empty() && delta.tokens.empty();
    if (!is_empty) send_delta(std::move(delta));
  }

  ChatDelta tool_delta(std::size_t choice, std::vector<ToolEvent> events) {
    ChatDelta delta{.choice = choice};
    for (ToolEvent& event : events) {
      switch (event.kind) {
        case ToolEvent::Kind::kText:
          delta.content = delta.content.value_or("") + event.text;
          break;
        case ToolEvent::Kind::kCall:
          delta.calls.push_back({.index = event.call,
                                 .begin = ToolCall{.id = new_call_id(),
                                                   .name = std::move(event.name),
                                                   .arguments = std::move(event.text)}});
          break;
        case ToolEvent::Kind::kArguments:
          delta.calls.push_back({.index = event.call, .arguments = std::move(event.text)});
          break;
      }
    }
    return delta;
  }

  void complete(std::size_t choice, const RequestEnd& end) override {
    std::string_view finish_reason = finish_reason_name(end.reason);
    send_waiting(choice);
    Choice& c = choices_[choice];
    if (options().kind == AnswerKind::kText) return send_text(choice, {}, finish_reason);
    ChatDelta delta{.choice = choice};
    if (c.parser) {
      delta = tool_delta(choice, c.parser->finish());
      if (c.parser->n_calls() > 0) finish_reason = "tool_calls";
      if (delta.content) send_delta(std::exchange(delta, ChatDelta{.choice = choice}));
    }
    delta.finish_reason = finish_reason;
    send_delta(std::move(delta));
  }

  void respond(const AnswerSummary& usage) override {
    if (options().include_usage) {
      const bool is_chat = options().kind == AnswerKind::kChat;
      send(usage_chunk(options().head, is_chat ? "chat.completion.chunk" : "text_completion",
                       usage));
    }
    send("[DONE]");
    if (is_open_) call().writer().finish();
    call().finish(is_open_ ? 200 : 499, usage);
  }

  void fail(const ApiError& error) override {
    if (!is_started_) return call().fail(error);
    send(to_json(error));
    if (is_open_) call().writer().finish();
    call().finish(error.status, error.message);
  }

  std::vector<Choice> choices_;
  bool is_started_ = false;
  bool is_open_ = true;
};

}  // namespace

std::shared_ptr<OpenAiAnswer> streamed_answer(std::shared_ptr<Call> call,
                                              std::shared_ptr<const ServedModel> model,
                                              AnswerOptions options) {
  return std::make_shared<StreamedAnswer>(std::move(call), std::move(model), std::move(options));
}

}  // namespace slip
