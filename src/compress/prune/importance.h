// What the weights alone say of how much a layer's channels and heads matter.
#pragma once

#include <string_view>
#include <vector>

#include "formats/gguf.h"
#include "model/config.h"
#include "ops/thread_pool.h"

namespace slip {

// The same for any number of threads.
class Importance {
 public:
  Importance(const GgufFile& model, const ModelConfig& config, ThreadPool& pool)
      : model_(model), config_(config), pool_(pool) {}

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
  const TensorView& tensor(int layer, std::string_view stem) const;
  bool has(int layer, std::string_view stem) const;
  std::vector<double> row_squares(const TensorView& tensor, Range rows) const;
  std::vector<double> column_squares(const TensorView& tensor) const;
  const LayerRecipe& recipe(int layer) const {
    return config_.layers[static_cast<std::size_t>(layer)];
  }

  const GgufFile& model_;
  const ModelConfig& config_;
  ThreadPool& pool_;
};

// The indices of the `n` largest, ascending; of equal ones the first.
std::vector<int> largest(const std::vector<double>& values, int n);

}  // namespace slip
