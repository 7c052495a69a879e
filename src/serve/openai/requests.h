// What clients of the OpenAI API ask for, from JSON, checked and bounded
// (https://platform.openai.com/docs/api-reference; the extensions are vLLM's and llama-server's).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/generation_options.h"
#include "text/chat_template.h"

namespace slip {

// One request's bounds.
inline constexpr std::size_t kMaxMessages = 16384;
inline constexpr std::size_t kMaxTools = 1024;

struct ToolChoice {
  enum class Kind {
    kNone,
    kAuto,
    kRequired,
    kFunction,  // the one called `name`
  };
  Kind kind = Kind::kAuto;
  std::string name = {};
};

struct ChatRequest {
  std::string model;  // empty: none was named
  GenerationOptions options;
  std::vector<ChatMessage> messages;
  boost::json::array tools;  // as they came, each {"type": "function", "function": {"name", …}}
  ToolChoice tool_choice;
  bool parallel_tool_calls = true;
  bool add_generation_prompt = true;
  // chat_template_kwargs: what the template sees as variables.
  std::vector<std::pair<std::string, tmpl::Value>> variables;
};

struct CompletionRequest {
  std::string model;
  GenerationOptions options;
  std::vector<Prompt> prompts;
  bool echo = false;  // the prompt is part of the answer, and of its logprobs
};

struct EmbeddingRequest {
  std::string model;
  std::vector<Prompt> inputs;
  bool base64 = false;  // little-endian float32, else numbers
};

// `defaults`: what holds for fields that the request leaves out.
Reply<ChatRequest> parse_chat_request(const Fields& body, const SamplingParams& defaults);
Reply<CompletionRequest> parse_completion_request(const Fields& body,
                                                  const SamplingParams& defaults);
Reply<EmbeddingRequest> parse_embedding_request(const Fields& body);

// `messages` alone, for /apply-template.
Reply<std::vector<ChatMessage>> parse_messages(const Fields& body);
// The field `name`: a text, its tokens, or an array of either.
Reply<std::vector<Prompt>> parse_prompts(const Fields& body, std::string_view name);

}  // namespace slip
