// The keys that GGUF's decoder architectures share. Specification: github.com/ggml-org/ggml,
// docs/gguf.md, "Standardized key-value pairs".
#include <cmath>

#include "model/families/family.h"

namespace slip {
namespace {

Result<int> read_head_dim(const ConfigKeys& keys, int d_model, int n_heads) {
  if (!keys.has("attention.key_length") && d_model % n_heads != 0) {
    return invalid("metadata key {}: expected a multiple of {} heads, got {}",
                   keys.path("embedding_length"), n_heads, d_model);
  }
  const int head_dim = SLIP_TRY(keys.count("attention.key_length", kMaxHeadDim, d_model / n_heads));
  const int of_values = SLIP_TRY(keys.count("attention.value_length", kMaxHeadDim, head_dim));
  if (of_values != head_dim) {
    return fail(ErrorKind::kUnsupported, "metadata key {}: expected {} as of keys, got {}",
                keys.path("attention.value_length"), head_dim, of_values);
  }
  return head_dim;
}

// YaRN (Peng et al. 2023): cos and sin grow with the logarithm of the extension.
double yarn_attention_factor(double factor) {
  return factor <= 1.0 ? 1.0 : 0.1 * std::log(factor) + 1.0;
}

Result<> read_scaling(const ConfigKeys& keys, RopeSpec& rope) {
  // scale_linear is the older spelling.
  double factor = SLIP_TRY(keys.number("rope.scaling.factor", 0.0));
  if (factor == 0.0) factor = SLIP_TRY(keys.number("rope.scale_linear", 0.0));
  const std::string type = SLIP_TRY(keys.string("rope.scaling.type", "linear"));
  const double attention = SLIP_TRY(keys.positive("rope.scaling.attn_factor", 1.0));
  if (type == "none") return {};
  if (type == "longrope") {
    rope.scaling = RopeScaling::kLongRope;
    rope.attention_factor = attention;
    return {};
  }
  if (factor < 0.0) {
    return invalid("metadata key {}: expected a number above 0, got {}",
                   keys.path("rope.scaling.factor"), factor);
  }
  rope.factor = factor == 0.0 ? 1.0 : factor;
  if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    rope.beta_fast = SLIP_TRY(keys.positive("rope.scaling.yarn_beta_fast", 32.0));
    rope.beta_slow = SLIP_TRY(keys.positive("rope.scaling.yarn_beta_slow", 1.0));
    rope.attention_factor = SLIP_TRY(keys.positive("rope.scaling.yarn_attn_factor",
                                                   attention * yarn_attention_factor(rope.factor)));
  } else if (type == "linear") {
    if (rope.factor != 1.0) rope.scaling = RopeScaling::kLinear;
  } else {
    return fail(ErrorKind::kUnsupported,
                "metadata key {}: expected none, linear, yarn or longrope, got {}",
                keys.path("rope.scaling.type"), type);
  }
  return {};
}

Result<RopeSpec> read_rope(const ConfigKeys& keys, int head_dim, int context_length) {
  RopeSpec rope;
  rope.theta = SLIP_TRY(keys.positive("rope.freq_base", 10000.0));
  rope.n_rot = SLIP_TRY(keys.count("rope.dimension_count", kMaxHeadDim, head_dim));
  rope.original_context =
      SLIP_TRY(keys.count("rope.scaling.original_context_length", kMaxContext, context_length));
  SLIP_TRY(read_scaling(keys, rope));
  return rope;
}

}  // namespace

Result<ModelConfig> decoder_from_gguf(const Metadata& metadata, std::string_view architecture) {
  const ConfigKeys keys(metadata, std::string(architecture) + ".");
  const int n_experts = SLIP_TRY(keys.count_or_zero("expert_count", kMaxWidth));
  if (n_experts > 0) {
    return fail(ErrorKind::kUnsupported,
                "metadata key {}: expected a model without experts, got {}",
                keys.path("expert_count"), n_experts);
  }
  ModelConfig config;
  config.name = SLIP_TRY(metadata.string_or("general.name", ""));
  config.d_model = SLIP_TRY(keys.count("embedding_length", kMaxWidth));
  config.n_vocab = SLIP_TRY(keys.count_or_zero("vocab_size", kMaxVocab));
  const int context = SLIP_TRY(keys.count("context_length", kMaxContext));
  config.context_length = context;
  config.norm_eps = static_cast<float>(SLIP_TRY(keys.positive("attention.layer_norm_rms_epsilon")));
  config.attention_scale = static_cast<float>(SLIP_TRY(keys.number("attention.scale", 0.0)));

  const int n_layers = SLIP_TRY(keys.count("block_count", kMaxLayers));
  const auto heads = SLIP_TRY(keys.per_layer("attention.head_count", n_layers, kMaxHeads));
  const auto d_ff = SLIP_TRY(keys.per_layer("feed_forward_length", n_layers, kMaxWidth));
  std::vector<int> kv_heads = heads;
  if (keys.has("attention.head_count_kv")) {
    kv_heads = SLIP_TRY(keys.per_layer("attention.head_count_kv", n_layers, kMaxHeads));
  }
  const int head_dim = SLIP_TRY(read_head_dim(keys, config.d_model, heads[0]));
  for (std::size_t i = 0; i < heads.size(); ++i) {
    config.layers.push_back(
        {.n_heads = heads[i], .n_kv_heads = kv_heads[i], .head_dim = head_dim, .d_ff = d_ff[i]});
  }
  config.ropes.assign(1, SLIP_TRY(read_rope(keys, head_dim, context)));
  return config;
}

Result<std::vector<bool>> sliding_layers_gguf(const ConfigKeys& keys, int n_layers, int period) {
  constexpr std::string_view kKey = "attention.sliding_window_pattern";
  std::vector<bool> slides;
  const MetaValue* value = keys.metadata().find(keys.path(kKey));
  const auto* array = value == nullptr ? nullptr : std::get_if<MetaArray>(value);
  if (array == nullptr) {
    const int n = SLIP_TRY(keys.count(kKey, kMaxLayers, period));
    for (int i = 0; i < n_layers; ++i) slides.push_back(i % n < n - 1);
    return slides;
  }
  if (const auto* flags = std::get_if<std::vector<bool>>(&array->items)) {
    slides = *flags;
  } else {
    for (const std::int64_t flag : SLIP_TRY(keys.metadata().integers(keys.path(kKey)))) {
      slides.push_back(flag != 0);
    }
  }
  if (slides.size() < static_cast<std::size_t>(n_layers)) {
    return invalid("metadata key {}: expected one value for each of {} layers, got {}",
                   keys.path(kKey), n_layers, slides.size());
  }
  slides.resize(static_cast<std::size_t>(n_layers));
  return slides;
}

}  // namespace slip
