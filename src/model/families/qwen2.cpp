// Qwen 2 and 2.5 (Yang et al. 2024): llama with biases on queries, keys and values.
#include "model/families/family.h"

namespace slip {
namespace {

Result<ModelConfig> from_gguf(const Metadata& metadata) {
  return decoder_from_gguf(metadata, "qwen2");
}

Result<ModelConfig> from_hf(const Metadata& json) {
  const ConfigKeys keys(json, "");
  ModelConfig config = SLIP_TRY(decoder_from_hf(keys, {.context_length = 32768}));
  SLIP_TRY(set_qwen_windows(keys, config));
  return config;
}

}  // namespace

const Family& families_qwen2() {
  static const Family family = {.name = "qwen2",
                                .gguf_names = {"qwen2"},
                                .hf_names = {"Qwen2ForCausalLM", "qwen2"},
                                .from_gguf = from_gguf,
                                .from_hf = from_hf};
  return family;
}

}  // namespace slip
