// What a decoder computes, as a value: every family of models is an instance of ModelConfig, and
// the forward pass interprets it. Adding a family means filling this in from the file's metadata
// (model/families/<name>.cpp), not touching the forward pass.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace slip {

enum class FfnActivation { kSilu, kGeluTanh };

enum class RopeScaling { kNone, kLinear, kDynamicNtk, kYarn, kLlama3, kLongRope };

// Rotary position embedding of a layer (Su et al. 2021) and its context extensions.
struct RopeSpec {
  double theta = 10000.0;
  int n_rot = 0;             // rotated elements of a head; the rest pass through
  bool interleaved = false;  // pairs (2i, 2i+1) as in llama GGUF files; else (i, i + n_rot/2)
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;  // context extension factor
  std::int64_t original_context = 0;
  double low_freq_factor = 1.0;      // llama3
  double high_freq_factor = 4.0;     // llama3
  double beta_fast = 32.0;           // yarn
  double beta_slow = 1.0;            // yarn
  double attention_factor = 0.0;     // multiplies cos and sin (yarn, longrope); 0 = the default
  std::vector<float> short_factors;  // longrope: [n_rot/2] each
  std::vector<float> long_factors;
  std::vector<float> freq_factors;  // divide the frequencies (rope_freqs.weight); may be empty
};

// One layer's sizes and choices; layers may differ (pruned models, alternating windows).
struct LayerRecipe {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;  // of queries, keys and values alike
  int d_ff = 0;
  int window = 0;  // a query sees the last `window` keys, itself included; 0 = all
  int rope = 0;    // index into ModelConfig::ropes; -1 = no position embedding in this layer
};

struct ModelConfig {
  std::string family;  // "llama", "qwen3", …
  std::string name;    // the file's own name for the model; may be empty
  int d_model = 0;
  int n_vocab = 0;
  std::int64_t context_length = 0;  // that the model was trained for
  std::vector<LayerRecipe> layers;
  std::vector<RopeSpec> ropes;

  float norm_eps = 1e-5f;
  float norm_weight_offset = 0.0f;  // 1 where a checkpoint stores norm weights as w - 1 (HF Gemma)
  bool qk_norm = false;             // RMS norm of each query and key head before RoPE
  bool post_norms = false;          // sandwich norms: also after attention and after the FFN
  float embedding_scale = 1.0f;
  float attention_scale = 0.0f;     // multiplies q·k; 0 = 1/sqrt(head_dim)
  float attention_soft_cap = 0.0f;  // 0 = none
  float final_soft_cap = 0.0f;
  float residual_scale = 1.0f;  // multiplies each block's output before the residual add
  float logit_scale = 1.0f;
  FfnActivation activation = FfnActivation::kSilu;

  int n_layers() const { return static_cast<int>(layers.size()); }
};

}  // namespace slip
