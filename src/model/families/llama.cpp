// Llama 1, 2, 3, 3.1, 3.2 (Touvron et al. 2023; Llama team 2024) and the many models of that shape:
// SmolLM, TinyLlama, Mistral in GGUF files …
#include "model/families/family.h"

namespace slip {
namespace {

Result<ModelConfig> from_gguf(const Metadata& metadata) {
  ModelConfig config = SLIP_TRY(decoder_from_gguf(metadata, "llama"));
  // GGUF files of this architecture keep the rows of attn_q and attn_k in the order of Meta's
  // original checkpoints, where RoPE rotates neighbouring pairs.
  for (RopeSpec& rope : config.ropes) rope.interleaved = true;
  const ConfigKeys keys(metadata, "llama.");
  const int window = SLIP_TRY(keys.count_or_zero("attention.sliding_window", kMaxContext));
  set_windows(config, window, std::vector<bool>(config.layers.size(), true));
  return config;
}

Result<ModelConfig> from_hf(const Metadata& json) {
  return decoder_from_hf(ConfigKeys(json, ""), {.context_length = 2048});
}

}  // namespace

const Family& families_llama() {
  static const Family family = {.name = "llama",
                                .gguf_names = {"llama"},
                                .hf_names = {"LlamaForCausalLM", "llama"},
                                .from_gguf = from_gguf,
                                .from_hf = from_hf};
  return family;
}

}  // namespace slip
