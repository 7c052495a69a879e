// Messages to prompt tokens, by the model's chat template.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/loaded_model.h"
#include "text/chat_template.h"

namespace slip {

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// What turns conversations of this model into text. `source`: Jinja, as ModelSource has it.
Result<ChatTemplate> make_chat_template(const Tokenizer& tokenizer, std::string_view source);
// The tokens of a conversation's text. BOS comes from the template, or is put in front when the
// model wants one and the template has none.
std::vector<std::int32_t> chat_tokens(const Tokenizer& tokenizer, std::string_view text);

// The text of a conversation, up to where the assistant's next answer begins.
// `template_override`: Jinja source instead of the model's; empty for the model's own, and
// kUnsupported when it has none.
Result<std::string> chat_text(const LoadedModel& model, const std::vector<Message>& messages,
                              const std::string& template_override);

// Its tokens.
Result<std::vector<std::int32_t>> chat_prompt(const LoadedModel& model,
                                              const std::vector<Message>& messages,
                                              const std::string& template_override);

}  // namespace slip
