// What a model file holds, in figures: for `inspect`, quantisers and reports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/gguf.h"
#include "formats/hf_folder.h"
#include "tensor/tensor_view.h"

namespace slip {

struct TypeTotals {
  std::string type;  // "Q4_K", "BF16"; for opaque tensors the file's own name
  std::int64_t n_tensors = 0;
  std::int64_t n_elements = 0;
  std::int64_t n_bytes = 0;
  // 0 when there are no elements.
  double bits_per_weight() const;
};

struct ModelSummary {
  std::vector<TypeTotals> types;  // most bytes first
  TypeTotals total;               // its type is "total"
  std::int64_t file_bytes = 0;    // all files, headers and padding included

  double bits_per_weight() const { return total.bits_per_weight(); }
};

ModelSummary summarize(const GgufFile& file);
ModelSummary summarize(const HfFolder& folder);

}  // namespace slip
