// What clients of the OpenAI API ask for, from JSON, checked and bounded
// (https://platform.openai.com/docs/api-reference; the extensions are vLLM's and llama-server's).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/sampling.h"
#include "serve/api_error.h"
#include "serve/fields.h"
#include "text/chat_template.h"

namespace slip {

// One request's bounds.
inline constexpr std::int64_t kMaxChoices = 128;  // n
inline constexpr std::size_t kMaxPrompts = 2048;  // prompts of a completion, inputs to embed
inline constexpr std::size_t kMaxStops = 64;
inline constexpr std::size_t kMaxStopBytes = 1024;
inline constexpr std::size_t kMaxMessages = 16384;
inline constexpr std::size_t kMaxTools = 1024;

// What the answer's text has to look like.
struct ResponseFormat {
  enum class Kind {
    kText,
    kJsonObject,
    kJsonSchema,  // `source`: the schema
    kGrammar,     // `source`: GBNF
  };
  Kind kind = Kind::kText;
  std::string source = {};
};

// What chat and completion requests share.
struct GenerationOptions {
  SamplingParams sampling;
  std::int64_t max_tokens = -1;  // -1: until the context is full
  std::vector<std::string> stop;
  std::int64_t n = 1;
  bool ignore_eos = false;
  bool stream = false;
  bool include_usage = false;  // of a stream, in a chunk of its own
  int n_logprobs = -1;         // -1: none; else the token's, and those of the n most likely
  ResponseFormat format;
};

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

// A text, or its tokens.
using Prompt = std::variant<std::string, std::vector<std::int32_t>>;

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
// The fields of GenerationOptions but for max_tokens and logprobs, whose names differ.
Reply<GenerationOptions> parse_generation_options(const Fields& body,
                                                  const SamplingParams& defaults);
// The field `name`: a text, its tokens, or an array of either.
Reply<std::vector<Prompt>> parse_prompts(const Fields& body, std::string_view name);

}  // namespace slip
