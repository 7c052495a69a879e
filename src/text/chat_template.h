// From a conversation to the text of a prompt, by the template that a model carries.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/template/template.h"
#include "text/template/value.h"

namespace slip {

// One message, as the OpenAI chat API has it. A field that is undefined isn't in the message.
struct ChatMessage {
  std::string role;
  tmpl::Value content;       // a string; none; or a list of parts like {"type": "text", …}
  tmpl::Value tool_calls;    // a list of {"type": "function", "function": {name, arguments}}
  tmpl::Value tool_call_id;  // in an answer of role "tool"
  tmpl::Value name;
  tmpl::Value reasoning_content;  // a thinking model's thoughts
};

struct ChatOptions {
  // Ends the prompt with the beginning of the assistant's turn.
  enum class GenerationPrompt { kAdd, kOmit };
  GenerationPrompt generation_prompt = GenerationPrompt::kAdd;
  tmpl::Value tools{nullptr};      // a list of JSON schemas, or none
  tmpl::Value documents{nullptr};  // a list for retrieval models, or none
  std::optional<std::tm> now;      // what strftime_now sees; local time when absent
  // More variables (chat_template_kwargs of servers): enable_thinking, reasoning_effort, …
  std::vector<std::pair<std::string, tmpl::Value>> variables;
  tmpl::Limits limits;
};

// A model's chat template. Immutable: apply() may be called from many threads at once. What a
// template sees is what transformers' apply_chat_template gives it, but for one thing: arguments
// of tool calls that come as JSON text, as the OpenAI API has them, are parsed first, since
// published templates are written for objects (vLLM does the same).
class ChatTemplate {
 public:
  // `bos_token`, `eos_token`: the tokens' text, empty when the model has none. An error names the
  // template's line.
  static Result<ChatTemplate> create(std::string_view source, std::string bos_token,
                                     std::string eos_token);

  // The prompt. An error when the template refuses the conversation (raise_exception: roles that
  // don't alternate, a system message where there may be none, …) or goes wrong.
  Result<std::string> apply(const std::vector<ChatMessage>& messages,
                            const ChatOptions& options = {}) const;

 private:
  ChatTemplate(tmpl::Template source, std::string bos_token, std::string eos_token)
      : template_(std::move(source)),
        bos_token_(std::move(bos_token)),
        eos_token_(std::move(eos_token)) {}
  tmpl::Template template_;
  std::string bos_token_, eos_token_;
};

}  // namespace slip
