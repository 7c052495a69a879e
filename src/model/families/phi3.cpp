// Phi 3, Phi 3.5 mini, Phi 4 and Phi 4 mini (Abdin et al. 2024): queries, keys and values in one
// matrix, gate and up in another, long contexts by LongRoPE (Ding et al. 2024).
#include "model/families/family.h"

namespace slip {
namespace {

Result<ModelConfig> from_gguf(const Metadata& metadata) {
  ModelConfig config = SLIP_TRY(decoder_from_gguf(metadata, "phi3"));
  const ConfigKeys keys(metadata, "phi3.");
  const int window = SLIP_TRY(keys.count_or_zero("attention.sliding_window", kMaxContext));
  set_windows(config, window, std::vector<bool>(config.layers.size(), true));
  return config;
}

Result<ModelConfig> from_hf(const Metadata& json) {
  const ConfigKeys keys(json, "");
  ModelConfig config = SLIP_TRY(decoder_from_hf(keys, {.context_length = 4096, .norm_eps = 1e-5}));
  const int window = SLIP_TRY(keys.count_or_zero("sliding_window", kMaxContext));
  set_windows(config, window, std::vector<bool>(config.layers.size(), true));
  return config;
}

}  // namespace

const Family& families_phi3() {
  static const Family family = {
      .name = "phi3",
      .gguf_names = {"phi3"},
      .hf_names = {"Phi3ForCausalLM", "phi3"},
      .from_gguf = from_gguf,
      .from_hf = from_hf,
      .hf_layer_tensors = {{"self_attn.qkv_proj", "attn_qkv"}, {"mlp.gate_up_proj", "ffn_up"}}};
  return family;
}

}  // namespace slip
