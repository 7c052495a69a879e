// How much a layer's channels and heads matter: by the weights alone, or by what they are given.
#pragma once

#include <string_view>
#include <vector>

#include "compress/prune/activations.h"
#include "formats/gguf.h"
#include "model/config.h"
#include "ops/thread_pool.h"

namespace slip {

// The same for any number of threads.
class Importance {
 public:
  // `activations` (may be empty) are of the model's layers; then a channel's importance is the
  // length of what it adds to the residual stream: Σ x² · ‖column that x meets‖², root taken.
  Importance(const GgufFile& model, const ModelConfig& config,
             const std::vector<LayerActivations>& activations, ThreadPool& pool)
      : model_(model), config_(config), activations_(activations), pool_(pool) {}

  // ‖gate row‖ · ‖up row‖ · ‖down column‖ of each FFN channel of a layer: [d_ff].
  std::vector<double> channels(int layer) const;
  // ‖q rows‖ · ‖o columns‖ of each query head: [n_heads].
  std::vector<double> heads(int layer) const;
  // ‖v rows‖ · ‖o columns of its query heads‖ of each key-value head: [n_kv_heads].
  std::vector<double> kv_heads(int layer) const;

 private:
  struct Range {
    std::int64_t begin, n;
  };
  // Of the columns of o, or of down, by activations: the square of what they add.
  std::vector<double> added_squares(int layer, std::string_view stem) const;
  const TensorView& tensor(int layer, std::string_view stem) const;
  bool has(int layer, std::string_view stem) const;
  std::vector<double> row_squares(const TensorView& tensor, Range rows) const;
  std::vector<double> column_squares(const TensorView& tensor) const;
  const LayerRecipe& recipe(int layer) const {
    return config_.layers[static_cast<std::size_t>(layer)];
  }

  const GgufFile& model_;
  const ModelConfig& config_;
  const std::vector<LayerActivations>& activations_;
  ThreadPool& pool_;
};

// The indices of the `n` largest, ascending; of equal ones the first.
std::vector<int> largest(const std::vector<double>& values, int n);

}  // namespace slip
