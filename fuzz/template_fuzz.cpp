// Chat templates come out of model files: any text must parse or give an error, and render or give
// an error, within bounds.
#include <cstdint>
#include <string_view>

#include "text/chat_template.h"

using slip::tmpl::Value;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto chat = slip::ChatTemplate::create(source, "<s>", "</s>");
  if (!chat) return 0;
  slip::ChatMessage system, user, call;
  system.role = "system";
  system.content = Value("Be brief.");
  user.role = "user";
  user.content = Value("Grüße <b>");
  call.role = "assistant";
  const Value function =
      Value::dict({{"name", Value("f")}, {"arguments", Value("{\"x\": [1, 2.5, null]}")}});
  call.tool_calls = Value::list({Value::dict({{"function", function}})});
  slip::ChatOptions options;
  options.now = std::tm{};
  options.limits = {.max_steps = 20'000, .max_bytes = 4 << 20, .max_output_bytes = 1 << 20};
  options.variables = {
      {"list", Value::list({Value(3), Value(1), Value(2)})}, {"n", Value(7)}, {"f", Value(2.5)}};
  const auto text = chat->apply({system, user, call}, options);
  if (!text && text.error().message.empty()) __builtin_trap();
  return 0;
}
