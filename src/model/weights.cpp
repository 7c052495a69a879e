#include "model/weights.h"

#include <fmt/format.h>

#include <algorithm>

namespace slip {
namespace {

class Loader {
 public:
  Loader(const ModelSource& source, Arithmetic arithmetic, ThreadPool& pool)
      : source_(source), arithmetic_(arithmetic), pool_(pool) {}

  Result<LayerWeights> layer(int index) {
    prefix_ = fmt::format("blk.{}.", index);
    const ModelConfig& config = source_.config();
    const LayerRecipe& recipe = config.layers[static_cast<std::size_t>(index)];
    LayerWeights w;
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
    SLIP_TRY(attention(recipe, w));
    SLIP_TRY(ffn(recipe, w));
    return w;
  }

 private:
  std::string name(std::string_view stem, std::string_view suffix = "weight") const {
    return fmt::format("{}{}.{}", prefix_, stem, suffix);
  }

  Result<std::vector<float>> vector(std::string_view stem) const {
    return to_floats(*SLIP_TRY(source_.require(name(stem))));
  }

  Result<Linear> linear(std::string_view stem) const {
    const TensorView* weight = SLIP_TRY(source_.require(name(stem)));
    return Linear::create(*weight, source_.find(name(stem, "bias")), arithmetic_, pool_);
  }

  // Rows [begin, begin + n) of a fused tensor.
  Result<Linear> part(std::string_view stem, std::int64_t begin, std::int64_t n) const {
    const TensorView* weight = SLIP_TRY(source_.require(name(stem)));
    const TensorView slice = slice_rows(*weight, begin, n);
    const TensorView* bias = source_.find(name(stem, "bias"));
    if (bias == nullptr) return Linear::create(slice, nullptr, arithmetic_, pool_);
    TensorView bias_slice = *bias;
    const auto item = static_cast<std::int64_t>(dtype_info(bias->dtype).block_bytes);
    bias_slice.shape = {n};
    bias_slice.bytes = bias->bytes.subspan(static_cast<std::size_t>(begin * item),
                                           static_cast<std::size_t>(n * item));
    return Linear::create(slice, &bias_slice, arithmetic_, pool_);
  }

  Result<> attention(const LayerRecipe& recipe, LayerWeights& w) const {
    const std::int64_t q_rows = std::int64_t{recipe.n_heads} * recipe.head_dim;
    const std::int64_t kv_rows = std::int64_t{recipe.n_kv_heads} * recipe.head_dim;
    if (source_.find(name("attn_qkv")) != nullptr) {
      w.q = SLIP_TRY(part("attn_qkv", 0, q_rows));
      w.k = SLIP_TRY(part("attn_qkv", q_rows, kv_rows));
      w.v = SLIP_TRY(part("attn_qkv", q_rows + kv_rows, kv_rows));
    } else {
      w.q = SLIP_TRY(linear("attn_q"));
      w.k = SLIP_TRY(linear("attn_k"));
      w.v = SLIP_TRY(linear("attn_v"));
    }
    w.o = SLIP_TRY(linear("attn_output"));
    return {};
  }

  Result<> ffn(const LayerRecipe& recipe, LayerWeights& w) const {
    if (source_.find(name("ffn_gate")) != nullptr) {
      w.gate = SLIP_TRY(linear("ffn_gate"));
      w.up = SLIP_TRY(linear("ffn_up"));
    } else {
      w.gate = SLIP_TRY(part("ffn_up", 0, recipe.d_ff));
      w.up = SLIP_TRY(part("ffn_up", recipe.d_ff, recipe.d_ff));
    }
    w.down = SLIP_TRY(linear("ffn_down"));
    return {};
  }

  const ModelSource& source_;
  Arithmetic arithmetic_;
  ThreadPool& pool_;
  std::string prefix_;
};

}  // namespace

Result<std::shared_ptr<const ModelWeights>> ModelWeights::load(
    std::shared_ptr<const ModelSource> source, Arithmetic arithmetic, ThreadPool& pool,
    const OnLayer& on_layer) {
  auto weights = std::make_shared<ModelWeights>();
  weights->arithmetic = arithmetic;
  Loader loader(*source, arithmetic, pool);
  const int n_layers = source->config().n_layers();
  for (int i = 0; i < n_layers; ++i) {
    weights->layers.push_back(SLIP_TRY(loader.layer(i)));
    if (on_layer) on_layer(i + 1, n_layers);
  }
  weights->embedding = SLIP_TRY(source->require("token_embd.weight"));
  weights->output_norm = to_floats(*SLIP_TRY(source->require("output_norm.weight")));
  const TensorView* output = source->find("output.weight");
  weights->output = SLIP_TRY(Linear::create(output != nullptr ? *output : *weights->embedding,
                                            source->find("output.bias"), arithmetic, pool));
  weights->source = std::move(source);
  return weights;
}

}  // namespace slip
