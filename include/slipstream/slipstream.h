// libslipstream: load a language model, tokenize, generate, embed.
//
//   auto model = slipstream::Model::load("SmolLM2-135M-Instruct.Q4_1.gguf");
//   if (!model) return fail(model.error().message);
//   model->chat({{"user", "What is the capital of France?"}},
//               {.on_text = [](std::string_view text) { std::cout << text; return true; }});
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slipstream/result.h"

namespace slipstream {

struct LoadOptions {
  std::int64_t n_ctx = 0;         // context in tokens; 0: what the model was trained for
  int n_threads = 0;              // 0: one a physical core that may be used, within the CPU quota
  std::int64_t batch_size = 512;  // tokens that a prefill takes at a time
  bool exact = false;             // F32 activations and KV cache: slow, for comparisons
  // Keep the packed weights in a file, which the next load and other processes map. Its folder is
  // $SLIPSTREAM_PACK_CACHE, else slipstream/packed in $XDG_CACHE_HOME or ~/.cache.
  bool pack_cache = true;
};

// Special tokens: BOS or EOS where the model wants them, and "<|im_end|>" in the text as the token
// of that name.
enum class Special { kAdd, kPlainText };

// One message of a conversation; the role is "system", "user" or "assistant".
struct Message {
  std::string role;
  std::string content;
};

struct GenerateOptions {
  std::int64_t max_tokens = -1;  // -1: until the answer ends or the context is full
  float temperature = 0;         // 0: the likeliest token
  int top_k = 0;                 // 0: all
  float top_p = 1;
  float min_p = 0;
  float repeat_penalty = 1;
  std::uint64_t seed = 0;              // the same seed gives the same answer
  std::vector<std::string> stop = {};  // strings that end the answer and are not part of it
  bool ignore_eos = false;
  // The answer's form, at most one of the two: a grammar in GBNF, or a JSON Schema that the answer
  // is valid by (docs/grammars.md).
  std::string grammar = {};
  std::string json_schema = {};
  // Called with new text, in whole UTF-8 characters. Returning false ends the answer; an exception
  // does too, and then leaves the function that generates.
  std::function<bool(std::string_view)> on_text = {};
};

enum class FinishReason { kStop, kLength, kCancelled };

struct Generation {
  std::string text;
  std::vector<std::int32_t> tokens;
  FinishReason finish_reason = FinishReason::kLength;
  std::int64_t n_prompt_tokens = 0;
  std::int64_t n_cached_tokens = 0;  // of the prompt: found in the KV cache
  double prefill_seconds = 0;        // until the first token
  double decode_tokens_per_second = 0;
};

// A loaded model with its KV cache. Movable. Not thread-safe: one call at a time. No function
// throws but for what a callback throws.
class Model {
 public:
  // A GGUF file (any part of a split one), or a Hugging Face folder with safetensors.
  static Result<Model> load(const std::string& path, const LoadOptions& options = {});

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  std::string family() const;  // "llama", "qwen3", …
  std::int64_t n_ctx() const;
  std::int64_t n_vocab() const;
  std::int64_t n_embed() const;  // length of embed()'s result

  Result<std::vector<std::int32_t>> tokenize(std::string_view text,
                                             Special special = Special::kAdd) const;
  // Special tokens add nothing to the text. kInvalid for a number that is no token.
  Result<std::string> detokenize(std::span<const std::int32_t> tokens) const;

  // The conversation as a prompt, by the model's chat template, up to where the assistant's answer
  // begins. kUnsupported when the model has no template.
  Result<std::string> apply_chat_template(const std::vector<Message>& messages) const;

  // Continues the prompt. What it has in common with the last call's beginning isn't computed
  // again.
  Result<Generation> generate(std::string_view prompt, const GenerateOptions& options = {});
  // The assistant's answer to a conversation.
  Result<Generation> chat(const std::vector<Message>& messages,
                          const GenerateOptions& options = {});

  // The mean over the text's tokens of the last layer's normalised state: [n_embed]. Not scaled to
  // unit length. Forgets the KV cache.
  Result<std::vector<float>> embed(std::string_view text);

 private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "0.1.0"
std::string_view version();

}  // namespace slipstream
