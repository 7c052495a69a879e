// The weights of a decoder, ready for its forward pass.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "model/linear.h"
#include "model/packed_weights.h"
#include "model/source.h"

namespace slip {

struct LayerWeights {
  std::vector<float> attn_norm, ffn_norm;            // [d_model]
  std::vector<float> post_attn_norm, post_ffn_norm;  // [d_model], or empty
  std::vector<float> q_norm, k_norm;                 // [head_dim], or empty
  Linear q, k, v, o;
  Linear gate, up, down;
};

struct WeightOptions {
  Arithmetic arithmetic = Arithmetic::kFast;
  PackedWeights::Options packed = {};
};

// Immutable after loading; safe to share between runners.
struct ModelWeights {
  std::shared_ptr<const ModelSource> source;  // owns the mapped file
  Arithmetic arithmetic = Arithmetic::kFast;
  const TensorView* embedding = nullptr;  // [d_model, n_vocab], rows decoded as they are needed
  std::vector<LayerWeights> layers;
  std::vector<float> output_norm;
  Linear output;         // [d_model] → [n_vocab]; made from the embedding when tied
  PackedWeights packed;  // what the linears refer to; nothing in exact arithmetic

  // Errors name the tensor that is missing or has an unexpected shape.
  static Result<std::shared_ptr<const ModelWeights>> load(std::shared_ptr<const ModelSource> source,
                                                          const WeightOptions& options,
                                                          ThreadPool& pool);
};

}  // namespace slip
