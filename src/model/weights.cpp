#include "model/weights.h"

#include <fmt/format.h>

#include <algorithm>

namespace slip {
namespace {

// Reads vectors, plans where the matrices of the linears go, and hands them their weights once
// these are packed.
class Loader {
 public:
  explicit Loader(const ModelSource& source) : source_(source) {}

  // `w` and `output` stay where they are until the weights are handed out.
  Result<> layer(int index, LayerWeights& w) {
    prefix_ = fmt::format("blk.{}.", index);
    const ModelConfig& config = source_.config();
    const LayerRecipe& recipe = config.layers[static_cast<std::size_t>(index)];
    w.attn_norm = SLIP_TRY(vector("attn_norm"));
    w.ffn_norm = SLIP_TRY(vector("ffn_norm"));
    if (config.post_norms) {
      w.post_attn_norm = SLIP_TRY(vector("post_attention_norm"));
      w.post_ffn_norm = SLIP_TRY(vector("post_ffw_norm"));
    }
    if (config.qk_norm) {
      w.q_norm = SLIP_TRY(vector("attn_q_norm"));
      w.k_norm = SLIP_TRY(vector("attn_k_norm"));
    }
    // What shares an input is one product.
    for (Linear* linear : {&w.q, &w.k, &w.v}) linear->set_name("qkv");
    w.o.set_name("o");
    for (Linear* linear : {&w.gate, &w.up}) linear->set_name("gate+up");
    w.down.set_name("down");
    SLIP_TRY(attention(recipe, w));
    return ffn(recipe, w);
  }

  Result<> output(const TensorView& weight, Linear& output) {
    output.set_name("lm_head");
    return place("output", weight, source_.find("output.bias"), output);
  }

  const PackPlan& plan() const { return plan_; }

  void hand_out(const PackedWeights& packed) const {
    for (std::size_t i = 0; i < linears_.size(); ++i) {
      PackedMatrix matrix = plan_.items()[i].matrix;
      matrix.data = packed.data(plan_.items()[i]);
      linears_[i]->set_packed(matrix);
    }
  }
  void hand_out_exact() const {
    for (std::size_t i = 0; i < linears_.size(); ++i) {
      const PackItem& item = plan_.items()[i];
      linears_[i]->set_exact(item.matrix, item.weight);
    }
  }

 private:
  std::string name(std::string_view stem, std::string_view suffix = "weight") const {
    return fmt::format("{}{}.{}", prefix_, stem, suffix);
  }

  Result<std::vector<float>> vector(std::string_view stem) const {
    return to_floats(*SLIP_TRY(source_.require(name(stem))));
  }

  Result<> place(std::string item_name, const TensorView& weight, const TensorView* bias,
                 Linear& linear) {
    SLIP_TRY(plan_.add(std::move(item_name), weight));
    linears_.push_back(&linear);
    if (bias != nullptr) linear.set_bias(*bias);
    return {};
  }

  Result<> linear(std::string_view stem, Linear& linear) {
    const TensorView* weight = SLIP_TRY(source_.require(name(stem)));
    return place(prefix_ + std::string(stem), *weight, source_.find(name(stem, "bias")), linear);
  }

  // Rows [begin, begin + n) of a fused tensor.
  struct Rows {
    std::int64_t begin, n;
  };
  Result<> part(std::string_view stem, Rows rows, Linear& linear) {
    const auto [begin, n] = rows;
    const TensorView* weight = SLIP_TRY(source_.require(name(stem)));
    const TensorView slice = slice_rows(*weight, begin, n);
    const std::string item_name = fmt::format("{}{}+{}", prefix_, stem, begin);
    const TensorView* bias = source_.find(name(stem, "bias"));
    if (bias == nullptr) return place(item_name, slice, nullptr, linear);
    TensorView bias_slice = *bias;
    const auto item = static_cast<std::int64_t>(dtype_info(bias->dtype).block_bytes);
    bias_slice.shape = {n};
    bias_slice.bytes = bias->bytes.subspan(static_cast<std::size_t>(begin * item),
                                           static_cast<std::size_t>(n * item));
    return place(item_name, slice, &bias_slice, linear);
  }

  Result<> attention(const LayerRecipe& recipe, LayerWeights& w) {
    const std::int64_t q_rows = std::int64_t{recipe.n_heads} * recipe.head_dim;
    const std::int64_t kv_rows = std::int64_t{recipe.n_kv_heads} * recipe.head_dim;
    if (source_.find(name("attn_qkv")) != nullptr) {
      SLIP_TRY(part("attn_qkv", {0, q_rows}, w.q));
      SLIP_TRY(part("attn_qkv", {q_rows, kv_rows}, w.k));
      SLIP_TRY(part("attn_qkv", {q_rows + kv_rows, kv_rows}, w.v));
    } else {
      SLIP_TRY(linear("attn_q", w.q));
      SLIP_TRY(linear("attn_k", w.k));
      SLIP_TRY(linear("attn_v", w.v));
    }
    return linear("attn_output", w.o);
  }

  Result<> ffn(const LayerRecipe& recipe, LayerWeights& w) {
    if (source_.find(name("ffn_gate")) != nullptr) {
      SLIP_TRY(linear("ffn_gate", w.gate));
      SLIP_TRY(linear("ffn_up", w.up));
    } else {
      SLIP_TRY(part("ffn_up", {0, recipe.d_ff}, w.gate));
      SLIP_TRY(part("ffn_up", {recipe.d_ff, recipe.d_ff}, w.up));
    }
    return linear("ffn_down", w.down);
  }

  const ModelSource& source_;
  std::string prefix_;
  PackPlan plan_;
  std::vector<Linear*> linears_;  // by item of the plan
};

}  // namespace

Result<std::shared_ptr<const ModelWeights>> ModelWeights::load(
    std::shared_ptr<const ModelSource> source, const WeightOptions& options, ThreadPool& pool) {
  auto weights = std::make_shared<ModelWeights>();
  weights->arithmetic = options.arithmetic;
  Loader loader(*source);
  const int n_layers = source->config().n_layers();
  weights->layers.resize(static_cast<std::size_t>(n_layers));
  for (int i = 0; i < n_layers; ++i) {
    SLIP_TRY(loader.layer(i, weights->layers[static_cast<std::size_t>(i)]));
  }
  weights->embedding = SLIP_TRY(source->require("token_embd.weight"));
  weights->output_norm = to_floats(*SLIP_TRY(source->require("output_norm.weight")));
  const TensorView* output = source->find("output.weight");
  SLIP_TRY(loader.output(output != nullptr ? *output : *weights->embedding, weights->output));
  if (options.arithmetic == Arithmetic::kExact) {
    loader.hand_out_exact();
  } else {
    weights->packed = SLIP_TRY(PackedWeights::load(loader.plan(), *source, options.packed, pool));
    loader.hand_out(weights->packed);
  }
  weights->source = std::move(source);
  return weights;
}

}  // namespace slip
