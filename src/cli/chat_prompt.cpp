#include "cli/chat_prompt.h"

#include "text/template/template.h"

namespace slip {
namespace {

std::string token_text(const Tokenizer& tokenizer, int id) {
  return id == Tokenizer::kNone ? "" : std::string(tokenizer.token_bytes(id));
}

}  // namespace

Result<std::vector<std::int32_t>> chat_prompt(LoadedModel& model,
                                              const std::vector<Message>& messages,
                                              const std::string& template_override) {
  const Tokenizer& tokenizer = *model.tokenizer();
  const bool is_override = !template_override.empty();
  const auto chat_template = SLIP_TRY(
      tmpl::Template::parse(is_override ? template_override : model.source().chat_template()));
  tmpl::ValueList conversation;
  for (const Message& message : messages) {
    conversation.push_back(
        tmpl::Value::dict({{"role", message.role}, {"content", message.content}}));
  }
  const std::string text = SLIP_TRY(chat_template.render(
      tmpl::Value::dict({{"messages", tmpl::Value::list(std::move(conversation))},
                         {"tools", nullptr},
                         {"documents", nullptr},
                         {"add_generation_prompt", true},
                         {"bos_token", token_text(tokenizer, tokenizer.bos_id())},
                         {"eos_token", token_text(tokenizer, tokenizer.eos_id())}})));
  std::vector<std::int32_t> tokens = tokenizer.encode(text, {.add_special = false});
  const int bos = tokenizer.bos_id();
  if (tokenizer.adds_bos() && (tokens.empty() || tokens.front() != bos)) {
    tokens.insert(tokens.begin(), bos);
  }
  return tokens;
}

}  // namespace slip
