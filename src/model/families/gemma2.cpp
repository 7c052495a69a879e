// Gemma 2 (Gemma team 2024): sandwich norms, soft caps, a sliding window in every other layer.
#include <cmath>

#include "model/families/family.h"

namespace slip {
namespace {

constexpr int kWindow = 4096;
constexpr int kPeriod = 2;
constexpr double kAttentionCap = 50.0;
constexpr double kFinalCap = 30.0;
constexpr int kLayersOf27B = 46;

Result<ModelConfig> from_gguf(const Metadata& metadata) {
  ModelConfig config = SLIP_TRY(decoder_from_gguf(metadata, "gemma2"));
  const ConfigKeys keys(metadata, "gemma2.");
  set_gemma_traits(config);
  config.attention_soft_cap =
      static_cast<float>(SLIP_TRY(keys.positive("attn_logit_softcapping", kAttentionCap)));
  config.final_soft_cap =
      static_cast<float>(SLIP_TRY(keys.positive("final_logit_softcapping", kFinalCap)));
  const int window = SLIP_TRY(keys.count("attention.sliding_window", kMaxContext, kWindow));
  set_windows(config, window, SLIP_TRY(sliding_layers_gguf(keys, config.n_layers(), kPeriod)));
  // GGUF has no key for query_pre_attn_scalar; the 27B model is the one where it isn't head_dim.
  if (config.n_layers() == kLayersOf27B && config.attention_scale == 0.0f) {
    config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.d_model) /
                                              static_cast<float>(config.layers[0].n_heads));
  }
  return config;
}

Result<ModelConfig> from_hf(const Metadata& json) {
  const ConfigKeys keys(json, "");
  ModelConfig config =
      SLIP_TRY(decoder_from_hf(keys, {.n_kv_heads = 4, .head_dim = 256, .context_length = 8192}));
  set_gemma_traits(config);
  config.norm_weight_offset = 1.0f;
  // Published configurations spell both caps out; null means none.
  const double scalar = SLIP_TRY(keys.positive("query_pre_attn_scalar", 256.0));
  config.attention_scale = static_cast<float>(1.0 / std::sqrt(scalar));
  config.attention_soft_cap =
      static_cast<float>(SLIP_TRY(keys.number("attn_logit_softcapping", 0.0)));
  config.final_soft_cap = static_cast<float>(SLIP_TRY(keys.number("final_logit_softcapping", 0.0)));
  const int window = SLIP_TRY(keys.count("sliding_window", kMaxContext, kWindow));
  set_windows(config, window, SLIP_TRY(sliding_layers_hf(keys, config.n_layers(), kPeriod)));
  return config;
}

}  // namespace

const Family& families_gemma2() {
  static const Family family = {
      .name = "gemma2",
      .gguf_names = {"gemma2"},
      .hf_names = {"Gemma2ForCausalLM", "gemma2"},
      .from_gguf = from_gguf,
      .from_hf = from_hf,
      .hf_layer_tensors = {{"post_attention_layernorm", "post_attention_norm"},
                           {"pre_feedforward_layernorm", "ffn_norm"},
                           {"post_feedforward_layernorm", "post_ffw_norm"}},
      .hf_tied = true};
  return family;
}

}  // namespace slip
