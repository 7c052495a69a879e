// What a request says of the text that it wants, whatever the protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/sampling.h"
#include "serve/api_error.h"
#include "serve/fields.h"

namespace slip {

// One request's bounds.
inline constexpr std::int64_t kMaxChoices = 128;  // n
inline constexpr std::size_t kMaxPrompts = 2048;  // prompts of a completion, inputs to embed
inline constexpr std::size_t kMaxStops = 64;
inline constexpr std::size_t kMaxStopBytes = 1024;

// Tokens of an answer that a request may ask for.
inline constexpr std::int64_t kMaxAnswerTokens = std::int64_t{1} << 31;
// OpenAI's default of completions, and vLLM's.
inline constexpr std::int64_t kDefaultAnswerTokens = 16;

// A text, or its tokens.
using Prompt = std::variant<std::string, std::vector<std::int32_t>>;

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

// How a text is to be continued: what the requests of all protocols have in common.
struct GenerationOptions {
  SamplingParams sampling;
  std::int64_t max_tokens = -1;  // -1: until the context is full
  std::vector<std::string> stop;
  std::int64_t n = 1;
  bool ignore_eos = false;
  int priority = 0;  // higher first
  bool stream = false;
  bool include_usage = false;  // of a stream, in a chunk of its own
  int n_logprobs = -1;         // -1: none; else the token's, and those of the n most likely
  ResponseFormat format;
};

// How many tokens the field says that an answer may have, `least` or more; -1, as llama-server's
// clients write it: until the context is full. None when it is absent or null.
Reply<std::optional<std::int64_t>> parse_answer_tokens(const Fields& body, std::string_view name,
                                                       std::int64_t least = 1);

// The fields of GenerationOptions under OpenAI's names, vLLM's and llama-server's, but for
// max_tokens and logprobs, which differ from request to request. `defaults` holds for sampling
// parameters that are left out.
Reply<GenerationOptions> parse_generation_options(const Fields& body,
                                                  const SamplingParams& defaults);

}  // namespace slip
