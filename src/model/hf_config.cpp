// The fields that decoders' config.json files share, as transformers 4 and 5 write them.
#include <cmath>

#include "model/families/family.h"

namespace slip {
namespace {

Result<int> required_or(const ConfigKeys& keys, std::string_view key, int max, int fallback) {
  return fallback == 0 ? keys.count(key, max) : keys.count(key, max, fallback);
}

Result<FfnActivation> read_activation(const ConfigKeys& keys) {
  // Gemma's hidden_activation overrides its hidden_act.
  const std::string act = SLIP_TRY(keys.string("hidden_act", ""));
  const std::string name = SLIP_TRY(keys.string("hidden_activation", act));
  if (name.empty() || name == "silu" || name == "swish") return FfnActivation::kSilu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast") {
    return FfnActivation::kGeluTanh;
  }
  return fail(ErrorKind::kUnsupported, "{}: expected silu or gelu_pytorch_tanh, got {}",
              keys.path("hidden_act"), name);
}

// What a file of another kind than plain weights of a dense model says in its config.json.
Result<> refuse_unsupported(const ConfigKeys& keys) {
  for (const std::string_view key : {"num_local_experts", "num_experts", "n_routed_experts"}) {
    const int n_experts = SLIP_TRY(keys.count_or_zero(key, kMaxWidth));
    if (n_experts > 0) {
      return fail(ErrorKind::kUnsupported, "{}: expected a model without experts, got {}",
                  keys.path(key), n_experts);
    }
  }
  const std::string method =
      SLIP_TRY(keys.metadata().string_or("quantization_config.quant_method", ""));
  if (!method.empty()) {
    return fail(ErrorKind::kUnsupported,
                "quantization_config.quant_method: expected plain weights, got {}", method);
  }
  return {};
}

// Peng et al. 2023, as transformers generalises it (mscale).
double yarn_mscale(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

Result<> read_yarn(const ConfigKeys& dict, const HfRope& wanted, RopeSpec& rope) {
  if (!SLIP_TRY(dict.boolean("truncate", true))) {
    return fail(ErrorKind::kUnsupported, "{}: expected true, got false", dict.path("truncate"));
  }
  const double ratio = wanted.context_length / static_cast<double>(rope.original_context);
  rope.factor = SLIP_TRY(dict.positive("factor", ratio));
  rope.beta_fast = SLIP_TRY(dict.positive("beta_fast", 32.0));
  rope.beta_slow = SLIP_TRY(dict.positive("beta_slow", 1.0));
  const double mscale = SLIP_TRY(dict.number("mscale", 0.0));
  const double all_dims = SLIP_TRY(dict.number("mscale_all_dim", 0.0));
  const double usual = mscale != 0.0 && all_dims != 0.0
                           ? yarn_mscale(rope.factor, mscale) / yarn_mscale(rope.factor, all_dims)
                           : yarn_mscale(rope.factor, 1.0);
  rope.attention_factor = SLIP_TRY(dict.positive("attention_factor", usual));
  return {};
}

// Ding et al. 2024, section 3.3 for the factor of cos and sin.
Result<> read_longrope(const ConfigKeys& dict, const HfRope& wanted, RopeSpec& rope) {
  const auto original = static_cast<double>(rope.original_context);
  rope.factor = SLIP_TRY(dict.positive("factor", wanted.context_length / original));
  const double usual =
      rope.factor <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(rope.factor) / std::log(original));
  rope.attention_factor = SLIP_TRY(dict.positive("attention_factor", usual));
  rope.short_factors = SLIP_TRY(dict.floats("short_factor"));
  rope.long_factors = SLIP_TRY(dict.floats("long_factor"));
  return {};
}

Result<> read_scaling(const ConfigKeys& dict, const HfRope& wanted, RopeSpec& rope) {
  const std::string older = SLIP_TRY(dict.string("type", "default"));
  std::string type = SLIP_TRY(dict.string("rope_type", older));
  // The first Phi 3 configurations call LongRoPE "su" or "yarn".
  if (type == "su" || (type == "yarn" && dict.has("short_factor"))) type = "longrope";

  if (type == "default") return {};
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
    rope.factor = SLIP_TRY(dict.positive("factor"));
  } else if (type == "dynamic") {
    rope.scaling = RopeScaling::kDynamicNtk;
    rope.factor = SLIP_TRY(dict.positive("factor"));
    rope.original_context = wanted.context_length;
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    SLIP_TRY(read_yarn(dict, wanted, rope));
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::kLlama3;
    rope.factor = SLIP_TRY(dict.positive("factor"));
    rope.low_freq_factor = SLIP_TRY(dict.positive("low_freq_factor"));
    rope.high_freq_factor = SLIP_TRY(dict.positive("high_freq_factor"));
  } else if (type == "longrope") {
    rope.scaling = RopeScaling::kLongRope;
    SLIP_TRY(read_longrope(dict, wanted, rope));
  } else {
    return fail(ErrorKind::kUnsupported,
                "{}: expected default, linear, dynamic, yarn, llama3 or longrope, got {}",
                dict.path("rope_type"), type);
  }
  return {};
}

// Where the fields of one kind of layer stand.
ConfigKeys rope_dict(const ConfigKeys& keys, std::string_view layer_type) {
  for (const std::string_view name : {layer_type, std::string_view("full_attention")}) {
    ConfigKeys nested = keys.below("rope_parameters." + std::string(name) + ".");
    if (nested.has("rope_type") || nested.has("rope_theta")) return nested;
  }
  ConfigKeys flat = keys.below("rope_parameters.");
  if (flat.has("rope_type") || flat.has("rope_theta")) return flat;
  return keys.below("rope_scaling.");
}

}  // namespace

Result<RopeSpec> rope_from_hf(const ConfigKeys& keys, const HfRope& wanted) {
  const ConfigKeys dict = rope_dict(keys, wanted.layer_type);
  RopeSpec rope;
  const double outer_theta = SLIP_TRY(keys.positive("rope_theta", wanted.default_theta));
  rope.theta = SLIP_TRY(dict.positive("rope_theta", outer_theta));
  const double outer_part = SLIP_TRY(keys.positive("partial_rotary_factor", 1.0));
  const double part = SLIP_TRY(dict.positive("partial_rotary_factor", outer_part));
  if (part > 1.0) {
    return invalid("{}: expected at most 1, got {}", dict.path("partial_rotary_factor"), part);
  }
  rope.n_rot = static_cast<int>(wanted.head_dim * part);
  // Phi 3 keeps the original context outside, and it wins there.
  const int inner =
      SLIP_TRY(dict.count("original_max_position_embeddings", kMaxContext, wanted.context_length));
  rope.original_context =
      SLIP_TRY(keys.count("original_max_position_embeddings", kMaxContext, inner));
  SLIP_TRY(read_scaling(dict, wanted, rope));
  return rope;
}

Result<ModelConfig> decoder_from_hf(const ConfigKeys& keys, const HfDefaults& defaults) {
  SLIP_TRY(refuse_unsupported(keys));
  ModelConfig config;
  config.name = SLIP_TRY(keys.metadata().string_or("_name_or_path", ""));
  config.d_model = SLIP_TRY(keys.count("hidden_size", kMaxWidth));
  config.n_vocab = SLIP_TRY(required_or(keys, "vocab_size", kMaxVocab, defaults.n_vocab));
  const int context =
      SLIP_TRY(required_or(keys, "max_position_embeddings", kMaxContext, defaults.context_length));
  config.context_length = context;
  config.norm_eps = static_cast<float>(SLIP_TRY(keys.positive("rms_norm_eps", defaults.norm_eps)));
  config.activation = SLIP_TRY(read_activation(keys));

  LayerRecipe layer;
  layer.n_heads = SLIP_TRY(required_or(keys, "num_attention_heads", kMaxHeads, defaults.n_heads));
  const int kv_default = defaults.n_kv_heads == 0 ? layer.n_heads : defaults.n_kv_heads;
  layer.n_kv_heads = SLIP_TRY(keys.count("num_key_value_heads", kMaxHeads, kv_default));
  const bool derived = defaults.head_dim == 0;
  if (derived && !keys.has("head_dim") && config.d_model % layer.n_heads != 0) {
    return invalid("{}: expected a multiple of {} heads, got {}", keys.path("hidden_size"),
                   layer.n_heads, config.d_model);
  }
  layer.head_dim = SLIP_TRY(keys.count(
      "head_dim", kMaxHeadDim, derived ? config.d_model / layer.n_heads : defaults.head_dim));
  layer.d_ff = SLIP_TRY(keys.count("intermediate_size", kMaxWidth));
  const int n_layers = SLIP_TRY(keys.count("num_hidden_layers", kMaxLayers));
  config.layers.assign(static_cast<std::size_t>(n_layers), layer);
  const HfRope wanted{.layer_type = "",
                      .default_theta = defaults.rope_theta,
                      .head_dim = layer.head_dim,
                      .context_length = context};
  config.ropes.assign(1, SLIP_TRY(rope_from_hf(keys, wanted)));
  return config;
}

Result<std::vector<bool>> sliding_layers_hf(const ConfigKeys& keys, int n_layers, int period) {
  std::vector<bool> slides;
  if (!keys.has("layer_types")) {
    const int n = SLIP_TRY(keys.count("sliding_window_pattern", kMaxLayers, period));
    for (int i = 0; i < n_layers; ++i) slides.push_back((i + 1) % n != 0);
    return slides;
  }
  const std::string path = keys.path("layer_types");
  const std::vector<std::string> types = SLIP_TRY(keys.metadata().strings(path));
  if (types.size() != static_cast<std::size_t>(n_layers)) {
    return invalid("{}: expected one for each of {} layers, got {}", path, n_layers, types.size());
  }
  for (const std::string& type : types) {
    if (type != "sliding_attention" && type != "full_attention") {
      return fail(ErrorKind::kUnsupported,
                  "{}: expected sliding_attention or full_attention, got {}", path, type);
    }
    slides.push_back(type == "sliding_attention");
  }
  return slides;
}

Result<> set_qwen_windows(const ConfigKeys& keys, ModelConfig& config) {
  if (!SLIP_TRY(keys.boolean("use_sliding_window", false))) return {};
  const int window = SLIP_TRY(keys.count("sliding_window", kMaxContext, 4096));
  std::vector<bool> slides;
  if (keys.has("layer_types")) {
    slides = SLIP_TRY(sliding_layers_hf(keys, config.n_layers(), 1));
  } else {
    const int n_full = keys.has("max_window_layers")
                           ? SLIP_TRY(keys.count_or_zero("max_window_layers", kMaxContext))
                           : 28;
    for (int i = 0; i < config.n_layers(); ++i) slides.push_back(i >= n_full);
  }
  set_windows(config, window, slides);
  return {};
}

}  // namespace slip
