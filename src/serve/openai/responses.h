// What the OpenAI API answers with, as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/answer_group.h"
#include "text/json_writer.h"
#include "text/tokenizer.h"

namespace slip {

// What all objects of one response begin with.
struct ResponseHead {
  std::string id;
  std::int64_t created_s = 0;
  std::string model;
  std::string fingerprint;
};

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON
};

struct ChatChoice {
  std::string content;
  std::vector<ToolCall> tool_calls;
  std::vector<TokenInfo> tokens;
  bool has_logprobs = false;
  std::string_view finish_reason;
};

// A change to one choice of a stream.
struct ChatDelta {
  std::size_t choice = 0;
  bool begins = false;  // gives the role
  std::optional<std::string> content = {};
  struct Call {
    std::size_t index = 0;
    std::optional<ToolCall> begin = {};  // else more of the arguments:
    std::string arguments = {};
  };
  std::vector<Call> calls = {};
  std::vector<TokenInfo> tokens = {};
  bool has_logprobs = false;
  std::string_view finish_reason = {};  // empty: it goes on
};

struct TextChoice {
  std::size_t index = 0;
  std::string text;
  std::vector<TokenInfo> tokens;
  bool has_logprobs = false;
  std::size_t text_offset = 0;          // of the first token, in characters of the whole answer
  std::string_view finish_reason = {};  // empty: it goes on
};

// `tokenizer` spells the tokens of log probabilities.
std::string chat_completion(const ResponseHead& head, std::span<const ChatChoice> choices,
                            const AnswerSummary& usage, const Tokenizer& tokenizer);
std::string chat_chunk(const ResponseHead& head, const ChatDelta& delta,
                       const Tokenizer& tokenizer);
std::string text_completion(const ResponseHead& head, std::span<const TextChoice> choices,
                            const AnswerSummary& usage, const Tokenizer& tokenizer);
std::string text_chunk(const ResponseHead& head, const TextChoice& choice,
                       const Tokenizer& tokenizer);
// The chunk behind a stream's last, without choices. `object`: "chat.completion.chunk", …
std::string usage_chunk(const ResponseHead& head, std::string_view object,
                        const AnswerSummary& usage);

enum class EmbeddingFormat { kNumbers, kBase64 };
std::string embedding_list(std::string_view model, std::span<const std::vector<float>> embeddings,
                           EmbeddingFormat format, std::int64_t n_tokens);

// Characters that the tokens add to a text: what the offset of the next one grows by.
std::size_t n_characters(std::span<const TokenInfo> tokens, const Tokenizer& tokenizer);

}  // namespace slip
