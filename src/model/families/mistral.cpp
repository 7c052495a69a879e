// Mistral 7B and its successors (Jiang et al. 2023): llama with a sliding window in every layer of
// the first version. GGUF files call them llama.
#include "model/families/family.h"

namespace slip {
namespace {

Result<ModelConfig> from_hf(const Metadata& json) {
  const ConfigKeys keys(json, "");
  ModelConfig config = SLIP_TRY(decoder_from_hf(keys, {.n_kv_heads = 8, .context_length = 131072}));
  const int window = SLIP_TRY(keys.count_or_zero("sliding_window", kMaxContext));
  set_windows(config, window, std::vector<bool>(config.layers.size(), true));
  return config;
}

}  // namespace

const Family& families_mistral() {
  static const Family family = {
      .name = "mistral", .hf_names = {"MistralForCausalLM", "mistral"}, .from_hf = from_hf};
  return family;
}

}  // namespace slip
