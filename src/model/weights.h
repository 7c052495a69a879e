// The weights of a decoder, ready for its forward pass.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "model/linear.h"
#include "model/source.h"

namespace slip {

struct LayerWeights {
  std::vector<float> attn_norm, ffn_norm;            // [d_model]
  std::vector<float> post_attn_norm, post_ffn_norm;  // [d_model], or empty
  std::vector<float> q_norm, k_norm;                 // [head_dim], or empty
  Linear q, k, v, o;
  Linear gate, up, down;
};

// Immutable after loading; safe to share between runners.
struct ModelWeights {
  std::shared_ptr<const ModelSource> source;  // owns the mapped file
  Arithmetic arithmetic = Arithmetic::kFast;
  const TensorView* embedding = nullptr;  // [d_model, n_vocab], rows decoded as they are needed
  std::vector<LayerWeights> layers;
  std::vector<float> output_norm;
  Linear output;  // [d_model] → [n_vocab]; made from the embedding when tied

  // Errors name the tensor that is missing or has an unexpected shape. `on_layer` is called after
  // each layer with how many are packed, and how many there are.
  using OnLayer = std::function<void(std::int64_t done, std::int64_t total)>;
  static Result<std::shared_ptr<const ModelWeights>> load(std::shared_ptr<const ModelSource> source,
                                                          Arithmetic arithmetic, ThreadPool& pool,
                                                          const OnLayer& on_layer = {});
};

}  // namespace slip
