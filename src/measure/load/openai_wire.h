// What a load generator says to an OpenAI-compatible server, and reads of its streams.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "measure/load/prompts.h"

namespace slip {

enum class LoadEndpoint { kChat, kCompletions };

struct WireOptions {
  LoadEndpoint endpoint = LoadEndpoint::kChat;
  std::string model = {};  // empty: not named
  // Answers go on to their max_tokens, where the server has that extension.
  bool ignore_eos = true;
  std::optional<float> temperature = {};  // empty: the server's
};

// "/chat/completions" or "/completions", below the API's base.
std::string_view wire_target(LoadEndpoint endpoint);

// A request for a stream that ends with its usage.
std::string wire_body(const WireOptions& options, const LoadPrompt& prompt);

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  // of the prompt, where the server tells
  std::int64_t completion_tokens = 0;
};

// What an event of the stream says. Servers may put several things into one.
struct WireEvent {
  bool has_text = false;     // some of the answer, reasoning and tool calls included
  bool ends_answer = false;  // a finish_reason, or the end of the stream
  std::optional<Usage> usage = {};
  std::string error = {};  // the server's message, when it gives up
};

// `data` of one event: JSON or "[DONE]". kInvalid for anything else.
Result<WireEvent> read_wire_event(std::string_view data);

// The `message` of an error's body, or the body's beginning.
std::string wire_error_message(std::string_view body);

// Of /models: the first one's name. kInvalid when there is none.
Result<std::string> first_model_name(std::string_view body);

}  // namespace slip
