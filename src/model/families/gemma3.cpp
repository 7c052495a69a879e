// Gemma 3, text (Gemma team 2025): as Gemma 2 with norms on queries and keys in place of soft caps,
// five layers with a window for each that sees everything, and a RoPE of its own for either kind.
#include <cmath>

#include "model/families/family.h"

namespace slip {
namespace {

constexpr int kPeriod = 6;
constexpr double kThetaLocal = 10000.0;
constexpr double kThetaGlobal = 1e6;
constexpr int kLayersOf27B = 62;
constexpr int kGlobalRope = 0;
constexpr int kLocalRope = 1;

void set_traits(ModelConfig& config, int window, const std::vector<bool>& slides) {
  set_gemma_traits(config);
  config.qk_norm = true;
  set_windows(config, window, slides);
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    config.layers[i].rope = slides[i] ? kLocalRope : kGlobalRope;
  }
}

Result<ModelConfig> from_gguf(const Metadata& metadata) {
  ModelConfig config = SLIP_TRY(decoder_from_gguf(metadata, "gemma3"));
  const ConfigKeys keys(metadata, "gemma3.");
  // Some converters leave out the base of the global layers.
  if (!keys.has("rope.freq_base")) config.ropes[kGlobalRope].theta = kThetaGlobal;
  RopeSpec local;
  local.theta = SLIP_TRY(keys.positive("rope.freq_base_swa", kThetaLocal));
  local.n_rot = config.ropes[kGlobalRope].n_rot;
  local.original_context = config.context_length;
  config.ropes.push_back(local);

  const int window = SLIP_TRY(keys.count_or_zero("attention.sliding_window", kMaxContext));
  std::vector<bool> slides(config.layers.size(), false);
  if (window > 0) slides = SLIP_TRY(sliding_layers_gguf(keys, config.n_layers(), kPeriod));
  set_traits(config, window, slides);
  config.final_soft_cap = static_cast<float>(SLIP_TRY(keys.number("final_logit_softcapping", 0.0)));
  // GGUF has no key for query_pre_attn_scalar; the 27B model is the one where it isn't head_dim.
  if (config.n_layers() == kLayersOf27B && config.attention_scale == 0.0f) {
    config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.d_model) /
                                              static_cast<float>(config.layers[0].n_heads));
  }
  return config;
}

Result<ModelConfig> from_hf(const Metadata& json) {
  // Multimodal checkpoints nest the decoder's fields and leave out those with default values.
  const bool nested = json.contains("text_config.hidden_size");
  const ConfigKeys keys(json, nested ? "text_config." : "");
  ModelConfig config = SLIP_TRY(decoder_from_hf(keys, {.n_heads = 8,
                                                       .n_kv_heads = 4,
                                                       .head_dim = 256,
                                                       .n_vocab = 262208,
                                                       .context_length = 131072}));
  HfRope wanted = {.layer_type = "full_attention",
                   .default_theta = kThetaGlobal,
                   .head_dim = config.layers[0].head_dim,
                   .context_length = static_cast<int>(config.context_length)};
  config.ropes.assign(1, SLIP_TRY(rope_from_hf(keys, wanted)));
  RopeSpec local;
  if (keys.has("rope_parameters.sliding_attention.rope_type") ||
      keys.has("rope_parameters.sliding_attention.rope_theta")) {
    wanted.layer_type = "sliding_attention";
    wanted.default_theta = kThetaLocal;
    local = SLIP_TRY(rope_from_hf(keys, wanted));
  } else {
    local.theta = SLIP_TRY(keys.positive("rope_local_base_freq", kThetaLocal));
    local.n_rot = wanted.head_dim;
    local.original_context = wanted.context_length;
  }
  config.ropes.push_back(local);

  const int window = SLIP_TRY(keys.count("sliding_window", kMaxContext, 4096));
  set_traits(config, window, SLIP_TRY(sliding_layers_hf(keys, config.n_layers(), kPeriod)));
  config.norm_weight_offset = 1.0f;
  const double scalar = SLIP_TRY(keys.positive("query_pre_attn_scalar", 256.0));
  config.attention_scale = static_cast<float>(1.0 / std::sqrt(scalar));
  config.attention_soft_cap =
      static_cast<float>(SLIP_TRY(keys.number("attn_logit_softcapping", 0.0)));
  config.final_soft_cap = static_cast<float>(SLIP_TRY(keys.number("final_logit_softcapping", 0.0)));
  return config;
}

}  // namespace

const Family& families_gemma3() {
  static const Family family = {
      .name = "gemma3",
      .gguf_names = {"gemma3"},
      .hf_names = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "gemma3_text", "gemma3"},
      .from_gguf = from_gguf,
      .from_hf = from_hf,
      .hf_layer_tensors = {{"post_attention_layernorm", "post_attention_norm"},
                           {"pre_feedforward_layernorm", "ffn_norm"},
                           {"post_feedforward_layernorm", "post_ffw_norm"}},
      .hf_tied = true};
  return family;
}

}  // namespace slip
