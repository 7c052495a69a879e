// Chat templates come out of model files: any text must parse or give an error, and render or give
// an error, within bounds.
#include <cstdint>
#include <string>

#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string source(reinterpret_cast<const char*>(data), size);
  const auto chat = slip::ChatTemplate::create(std::move(source), "<s>", "</s>");
  if (!chat) return 0;
  slip::ChatMessage system, user, call;
  system.role = "system";
  system.content = "Be brief.";
  user.role = "user";
  user.content = "Grüße <b>";
  call.role = "assistant";
  call.tool_calls = slip::tmpl::Value::list({slip::tmpl::Value::dict(
      {{"function",
        slip::tmpl::Value::dict({{"name", "f"}, {"arguments", "{\"x\": [1, 2.5, null]}"}})}})});
  slip::ChatOptions options;
  options.now = std::tm{};
  options.limits = {.max_steps = 20'000, .max_bytes = 4 << 20, .max_output_bytes = 1 << 20};
  options.variables = {{"list", slip::tmpl::Value::list({3, 1, 2})}, {"n", 7}, {"f", 2.5}};
  const auto text = chat->apply({system, user, call}, options);
  if (!text && text.error().message.empty()) __builtin_trap();
  return 0;
}
