#include "model/tensor_names.h"

#include <array>

namespace slip {
namespace {

constexpr std::array<LayerTensorName, 11> kLlamaNames = {{
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
}};

bool strip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "self_attn.q_proj" → "attn_q".
std::string_view layer_name(const Family& family, std::string_view hf) {
  for (const LayerTensorName& name : family.hf_layer_tensors) {
    if (name.hf == hf) return name.canonical;
  }
  for (const LayerTensorName& name : kLlamaNames) {
    if (name.hf == hf) return name.canonical;
  }
  return hf;
}

}  // namespace

std::string canonical_name(const Family& family, std::string_view hf_name) {
  std::string_view rest = hf_name;
  if (rest == "lm_head.weight" || rest == "language_model.lm_head.weight") return "output.weight";
  // Multimodal checkpoints of transformers 5 and 4, then text models.
  if (!strip(rest, "model.language_model.") && !strip(rest, "language_model.model.") &&
      !strip(rest, "model.")) {
    return "";
  }
  if (rest == "embed_tokens.weight") return "token_embd.weight";
  if (rest == "norm.weight") return "output_norm.weight";
  if (!strip(rest, "layers.")) return "";

  const std::size_t number_end = rest.find('.');
  if (number_end == std::string_view::npos || rest.ends_with(".rotary_emb.inv_freq")) return "";
  const std::string block = "blk." + std::string(rest.substr(0, number_end)) + ".";
  rest.remove_prefix(number_end + 1);
  const std::size_t kind = rest.rfind('.');
  if (kind == std::string_view::npos) return block + std::string(rest);
  return block + std::string(layer_name(family, rest.substr(0, kind))) +
         std::string(rest.substr(kind));
}

}  // namespace slip
