#include "engine/chat_prompt.h"

namespace slip {
namespace {

std::string token_text(const Tokenizer& tokenizer, int id) {
  return id == Tokenizer::kNone ? "" : std::string(tokenizer.token_bytes(id));
}

}  // namespace

Result<ChatTemplate> make_chat_template(const Tokenizer& tokenizer, std::string_view source) {
  return ChatTemplate::create(source, token_text(tokenizer, tokenizer.bos_id()),
                              token_text(tokenizer, tokenizer.eos_id()));
}

std::vector<std::int32_t> chat_tokens(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> tokens = tokenizer.encode(text, {.add_special = false});
  const int bos = tokenizer.bos_id();
  if (tokenizer.adds_bos() && (tokens.empty() || tokens.front() != bos)) {
    tokens.insert(tokens.begin(), bos);
  }
  return tokens;
}

Result<std::string> chat_text(const LoadedModel& model, const std::vector<Message>& messages,
                              const std::string& template_override) {
  const std::string source =
      template_override.empty() ? SLIP_TRY(model.source().chat_template()) : template_override;
  if (source.empty()) {
    return fail(ErrorKind::kUnsupported, "chat template: the model has none");
  }
  const auto chat_template = SLIP_TRY(make_chat_template(*model.tokenizer(), source));
  std::vector<ChatMessage> conversation;
  conversation.reserve(messages.size());
  for (const Message& message : messages) {
    conversation.push_back({.role = message.role,
                            .content = tmpl::Value(message.content),
                            .tool_calls = {},
                            .tool_call_id = {},
                            .name = {},
                            .reasoning_content = {}});
  }
  return chat_template.apply(conversation);
}

Result<std::vector<std::int32_t>> chat_prompt(const LoadedModel& model,
                                              const std::vector<Message>& messages,
                                              const std::string& template_override) {
  return chat_tokens(*model.tokenizer(), SLIP_TRY(chat_text(model, messages, template_override)));
}

}  // namespace slip
