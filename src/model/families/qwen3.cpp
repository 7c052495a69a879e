// Qwen 3, dense (Yang et al. 2025): llama with a norm on each query and key head.
#include "model/families/family.h"

namespace slip {
namespace {

Result<ModelConfig> from_gguf(const Metadata& metadata) {
  ModelConfig config = SLIP_TRY(decoder_from_gguf(metadata, "qwen3"));
  config.qk_norm = true;
  return config;
}

Result<ModelConfig> from_hf(const Metadata& json) {
  const ConfigKeys keys(json, "");
  ModelConfig config = SLIP_TRY(decoder_from_hf(keys, {.head_dim = 128, .context_length = 32768}));
  config.qk_norm = true;
  SLIP_TRY(set_qwen_windows(keys, config));
  return config;
}

}  // namespace

const Family& families_qwen3() {
  static const Family family = {.name = "qwen3",
                                .gguf_names = {"qwen3"},
                                .hf_names = {"Qwen3ForCausalLM", "qwen3"},
                                .from_gguf = from_gguf,
                                .from_hf = from_hf};
  return family;
}

}  // namespace slip
