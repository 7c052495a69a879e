// A model as it lies on disk, whatever the file format: configuration, tensors under canonical
// names, and what the tokenizer and the chat template are made from.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/metadata.h"
#include "base/os/mapped_file.h"
#include "base/result.h"
#include "model/config.h"
#include "tensor/tensor_view.h"
#include "text/tokenizer.h"

namespace slip {

// How the model's makers would have its tokens drawn; what they left open is empty.
struct SamplingHints {
  std::optional<double> temperature, top_p, min_p, typical_p, repeat_penalty;
  std::optional<std::int64_t> top_k, penalty_window;
};

// Canonical tensor names are GGUF's: token_embd.weight, output.weight (absent when tied),
// output_norm.weight, blk.N.{attn_norm, attn_q, attn_k, attn_v, attn_output, ffn_norm, ffn_gate,
// ffn_up, ffn_down, attn_q_norm, attn_k_norm, post_attention_norm, post_ffw_norm}.weight, biases
// as .bias, fused ones as attn_qkv and ffn_up with 2·d_ff rows (gate first; phi3).
// open_model has checked presence and shapes of all of them (config_check.h); bytes may begin at
// any address.
class ModelSource {
 public:
  virtual ~ModelSource() = default;

  const ModelConfig& config() const { return config_; }
  // Null when the model has no such tensor. Views stay valid as long as the source.
  const TensorView* find(std::string_view canonical_name) const;
  Result<const TensorView*> require(std::string_view canonical_name) const;

  // Bytes of all tensors together; of those that one decoded token reads (all but the embedding
  // table when it isn't also the output matrix, plus one row of it).
  std::uint64_t tensor_bytes() const;
  std::uint64_t bytes_per_token() const;

  // The files that the tensors lie in; none when they are in memory.
  virtual std::vector<const MappedFile*> files() const { return {}; }

  // Knows every token that ends an answer, generation_config.json's eos_token_id included.
  virtual Result<std::unique_ptr<Tokenizer>> make_tokenizer() const = 0;
  // The chat template's source; empty when the model carries none. An error when it has one that
  // can't be read, or several and none is the default.
  virtual Result<std::string> chat_template() const = 0;
  // From generation_config.json, or from a GGUF file's general.sampling keys.
  const SamplingHints& sampling() const { return sampling_; }

 protected:
  ModelConfig config_;
  SamplingHints sampling_;
  std::unordered_map<std::string, TensorView> tensors_;
};

// Opens a GGUF file (any shard of a split one) or a folder with config.json and safetensors.
// Errors name the path; an unknown architecture lists the known ones.
Result<std::unique_ptr<ModelSource>> open_model(const std::filesystem::path& path);

}  // namespace slip
