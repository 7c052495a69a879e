#include "model/config_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <unordered_set>
#include <vector>

#include "model/config_keys.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

Result<> check_size(const std::string& what, std::int64_t value, std::int64_t max) {
  if (value < 1 || value > max) {
    return invalid("{}: expected 1 to {}, got {}", what, max, value);
  }
  return {};
}

Result<> check_layer(const ModelConfig& config, int idx) {
  const LayerRecipe& layer = config.layers[static_cast<std::size_t>(idx)];
  const std::string where = fmt::format("layer {}", idx);
  SLIP_TRY(check_size(where + ": heads", layer.n_heads, kMaxHeads));
  SLIP_TRY(check_size(where + ": key-value heads", layer.n_kv_heads, kMaxHeads));
  SLIP_TRY(check_size(where + ": head size", layer.head_dim, kMaxHeadDim));
  SLIP_TRY(check_size(where + ": FFN width", layer.d_ff, kMaxWidth));
  if (layer.n_heads % layer.n_kv_heads != 0) {
    return invalid("{}: expected heads to be a multiple of key-value heads, got {} and {}", where,
                   layer.n_heads, layer.n_kv_heads);
  }
  if (layer.window < 0 || layer.window > kMaxContext) {
    return invalid("{}: sliding window: expected 0 to {}, got {}", where, kMaxContext,
                   layer.window);
  }
  if (layer.rope < -1 || layer.rope >= static_cast<int>(config.ropes.size())) {
    return invalid("{}: RoPE: expected one of {}, got {}", where, config.ropes.size(), layer.rope);
  }
  if (layer.rope >= 0) {
    const int n_rot = config.ropes[static_cast<std::size_t>(layer.rope)].n_rot;
    if (n_rot < 2 || n_rot % 2 != 0 || n_rot > layer.head_dim) {
      return invalid("{}: rotated elements: expected an even number up to the head size {}, got {}",
                     where, layer.head_dim, n_rot);
    }
  }
  return {};
}

Result<> check_factors(const char* what, const std::vector<float>& factors, int n_rot) {
  if (factors.size() != static_cast<std::size_t>(n_rot) / 2) {
    return invalid("{}: expected {} for {} rotated elements, got {}", what, n_rot / 2, n_rot,
                   factors.size());
  }
  for (const float factor : factors) {
    if (!std::isfinite(factor) || factor <= 0.0f) {
      return invalid("{}: expected numbers above 0, got {}", what, factor);
    }
  }
  return {};
}

Result<> check_rope(const RopeSpec& rope) {
  const auto positive = [](double x) { return std::isfinite(x) && x > 0.0; };
  if (!positive(rope.theta) || !positive(rope.factor)) {
    return invalid("RoPE: expected base and factor above 0, got {} and {}", rope.theta,
                   rope.factor);
  }
  if (!std::isfinite(rope.attention_factor) || rope.attention_factor < 0.0) {
    return invalid("RoPE: expected an attention factor from 0 up, got {}", rope.attention_factor);
  }
  if (!positive(rope.beta_fast) || !positive(rope.beta_slow)) {
    return invalid("RoPE: expected beta_fast and beta_slow above 0, got {} and {}", rope.beta_fast,
                   rope.beta_slow);
  }
  if (!rope.freq_factors.empty()) {
    SLIP_TRY(check_factors("RoPE frequency factors", rope.freq_factors, rope.n_rot));
  }
  if (rope.scaling == RopeScaling::kNone || rope.scaling == RopeScaling::kLinear) return {};
  SLIP_TRY(check_size("RoPE: original context", rope.original_context, kMaxContext));
  if (rope.scaling == RopeScaling::kLongRope) {
    SLIP_TRY(check_factors("RoPE short factors", rope.short_factors, rope.n_rot));
    SLIP_TRY(check_factors("RoPE long factors", rope.long_factors, rope.n_rot));
  }
  if (rope.scaling == RopeScaling::kLlama3 && rope.high_freq_factor <= rope.low_freq_factor) {
    return invalid("RoPE: expected high_freq_factor above low_freq_factor {}, got {}",
                   rope.low_freq_factor, rope.high_freq_factor);
  }
  // Both methods divide by logarithms and differences that vanish here.
  if (rope.scaling == RopeScaling::kYarn && rope.theta <= 1.0) {
    return invalid("RoPE: expected a base above 1, got {}", rope.theta);
  }
  if (rope.scaling == RopeScaling::kDynamicNtk && rope.n_rot <= 2) {
    return invalid("RoPE: expected more than 2 rotated elements, got {}", rope.n_rot);
  }
  return {};
}

// Ticks off tensors as it finds them.
class TensorCheck {
 public:
  explicit TensorCheck(const std::unordered_map<std::string, TensorView>& tensors)
      : tensors_(tensors) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }

  Result<> require(const std::string& name, const std::vector<std::int64_t>& shape) {
    if (!has(name)) {
      return fail(ErrorKind::kNotFound, "tensor {}: expected shape [{}], got no such tensor", name,
                  fmt::join(shape, ", "));
    }
    return allow(name, shape);
  }

  Result<> allow(const std::string& name, const std::vector<std::int64_t>& shape) {
    const auto it = tensors_.find(name);
    if (it == tensors_.end()) return {};
    SLIP_TRY(check_type(it->second));
    if (trimmed(it->second.shape) != shape) {
      return invalid("tensor {}: expected shape [{}], got [{}]", name, fmt::join(shape, ", "),
                     fmt::join(it->second.shape, ", "));
    }
    seen_.insert(name);
    return {};
  }

  // A matrix from n_in to n_out features and, if there is one, its bias.
  Result<> matrix(const std::string& name, std::int64_t n_in, std::int64_t n_out) {
    SLIP_TRY(require(name + ".weight", {n_in, n_out}));
    return allow(name + ".bias", {n_out});
  }

  Result<> nothing_else() const {
    const std::string* first = nullptr;  // by name: the map's order is arbitrary
    for (const auto& [name, view] : tensors_) {
      if (seen_.contains(name) || harmless(name)) continue;
      if (first == nullptr || name < *first) first = &name;
    }
    if (first == nullptr) return {};
    return fail(ErrorKind::kUnsupported,
                "tensor {}: expected none of that name in this family of models, got shape [{}]",
                *first, fmt::join(tensors_.at(*first).shape, ", "));
  }

 private:
  // Norms and biases are read element by element, so their type is a plain one.
  static Result<> check_type(const TensorView& tensor) {
    const bool plain =
        tensor.dtype == DType::kF32 || tensor.dtype == DType::kF16 || tensor.dtype == DType::kBF16;
    const bool is_vector = tensor.n_rows() == 1;
    if (plain || (!is_vector && find_quant_format(tensor.dtype) != nullptr)) return {};
    return fail(ErrorKind::kUnsupported, "tensor {}: expected {}, got type {}", tensor.name,
                is_vector ? "type F32, F16 or BF16" : "a type for weights",
                dtype_name(tensor.dtype));
  }

  // Some writers pad shapes with ones.
  static std::vector<std::int64_t> trimmed(std::vector<std::int64_t> shape) {
    while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
    return shape;
  }

  // RoPE tables: they are part of the configuration, or follow from it.
  static bool harmless(const std::string& name) {
    return name.starts_with("rope_") || name.ends_with(".attn_rot_embd.weight") ||
           name.ends_with(".rope_freqs.weight");
  }

  const std::unordered_map<std::string, TensorView>& tensors_;
  std::unordered_set<std::string> seen_;
};

Result<> check_layer_tensors(const ModelConfig& config, int idx, TensorCheck& check) {
  const LayerRecipe& layer = config.layers[static_cast<std::size_t>(idx)];
  const std::string blk = fmt::format("blk.{}.", idx);
  const std::int64_t d = config.d_model;
  const std::int64_t d_ff = layer.d_ff;
  const std::int64_t d_q = std::int64_t{layer.n_heads} * layer.head_dim;
  const std::int64_t d_kv = std::int64_t{layer.n_kv_heads} * layer.head_dim;

  SLIP_TRY(check.require(blk + "attn_norm.weight", {d}));
  if (check.has(blk + "attn_qkv.weight")) {
    SLIP_TRY(check.matrix(blk + "attn_qkv", d, d_q + 2 * d_kv));
  } else {
    SLIP_TRY(check.matrix(blk + "attn_q", d, d_q));
    SLIP_TRY(check.matrix(blk + "attn_k", d, d_kv));
    SLIP_TRY(check.matrix(blk + "attn_v", d, d_kv));
  }
  SLIP_TRY(check.matrix(blk + "attn_output", d_q, d));
  if (config.qk_norm) {
    SLIP_TRY(check.require(blk + "attn_q_norm.weight", {layer.head_dim}));
    SLIP_TRY(check.require(blk + "attn_k_norm.weight", {layer.head_dim}));
  }
  if (config.post_norms) {
    SLIP_TRY(check.require(blk + "post_attention_norm.weight", {d}));
    SLIP_TRY(check.require(blk + "post_ffw_norm.weight", {d}));
  }

  SLIP_TRY(check.require(blk + "ffn_norm.weight", {d}));
  if (check.has(blk + "ffn_gate.weight")) {
    SLIP_TRY(check.matrix(blk + "ffn_gate", d, d_ff));
    SLIP_TRY(check.matrix(blk + "ffn_up", d, d_ff));
  } else {
    SLIP_TRY(check.matrix(blk + "ffn_up", d, 2 * d_ff));
  }
  return check.matrix(blk + "ffn_down", d_ff, d);
}

}  // namespace

Result<> check_config(const ModelConfig& config) {
  SLIP_TRY(check_size("embedding width", config.d_model, kMaxWidth));
  SLIP_TRY(check_size("vocabulary", config.n_vocab, kMaxVocab));
  SLIP_TRY(check_size("context length", config.context_length, kMaxContext));
  SLIP_TRY(check_size("layers", config.n_layers(), kMaxLayers));
  for (const RopeSpec& rope : config.ropes) SLIP_TRY(check_rope(rope));
  for (int i = 0; i < config.n_layers(); ++i) SLIP_TRY(check_layer(config, i));
  for (const float number : {config.norm_eps, config.norm_weight_offset, config.embedding_scale,
                             config.attention_scale, config.attention_soft_cap,
                             config.final_soft_cap, config.residual_scale, config.logit_scale}) {
    if (!std::isfinite(number) || number < 0.0f) {
      return invalid("scales, caps and epsilon: expected finite numbers from 0 up, got {}", number);
    }
  }
  return {};
}

Result<> check_tensors(const ModelConfig& config,
                       const std::unordered_map<std::string, TensorView>& tensors) {
  TensorCheck check(tensors);
  SLIP_TRY(check.require("token_embd.weight", {config.d_model, config.n_vocab}));
  SLIP_TRY(check.require("output_norm.weight", {config.d_model}));
  SLIP_TRY(check.allow("output.weight", {config.d_model, config.n_vocab}));
  SLIP_TRY(check.allow("output.bias", {config.n_vocab}));
  for (int i = 0; i < config.n_layers(); ++i) SLIP_TRY(check_layer_tensors(config, i, check));
  return check.nothing_else();
}

}  // namespace slip
