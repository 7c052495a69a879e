// A decoder with less in it: which layers, heads and FFN channels stay, and what that makes of the
// file's tensors and metadata. What comes out is an ordinary dense model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metadata.h"
#include "base/result.h"
#include "compress/prune/repair.h"
#include "formats/gguf.h"
#include "model/config.h"

namespace slip {

// What stays of a layer that stays; all ascending. Each key-value head that stays keeps the same
// number of query heads.
struct LayerCut {
  int layer = 0;  // in the source
  std::vector<int> heads;
  std::vector<int> kv_heads;
  std::vector<int> channels;  // of the FFN
};

// Everything stays.
std::vector<LayerCut> whole_model(const ModelConfig& config);

// A tensor of the result: some rows and columns of one of the source.
struct TensorCut {
  const TensorView* source = nullptr;
  std::string name;
  std::optional<std::vector<std::int64_t>> rows;  // that stay; nothing: all
  std::optional<std::vector<std::int64_t>> cols;
  std::shared_ptr<const Repair> repair = {};  // of what the columns that go leave undone, or null
  std::vector<float> input_norms = {};  // of the columns that stay, for Wanda; empty: not asked for

  std::int64_t n_rows() const;
  std::int64_t n_cols() const;
  std::vector<std::int64_t> shape() const;
  // A matrix of a layer; those are what gets zeros.
  bool is_layer_matrix() const;
  // Row `i` of the result, decoded: [n_cols]. `whole` is scratch.
  void decode(std::int64_t i, std::vector<float>& whole, float* out) const;
};

// In the source's order. `source` must outlive the result.
std::vector<TensorCut> cut_tensors(const GgufFile& source, const ModelConfig& config,
                                   const std::vector<LayerCut>& layers);

// block_count, feed_forward_length, attention.head_count, .head_count_kv: one number where all
// layers agree, else one a layer. The head size is written down, since it no longer follows from
// the width, and attention.sliding_window_pattern where windows would fall on other layers.
// kUnsupported when the family would still read another model out of it.
Result<Metadata> cut_metadata(const Metadata& source, const ModelConfig& config,
                              const std::vector<LayerCut>& layers);

}  // namespace slip
