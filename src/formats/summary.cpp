#include "formats/summary.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace slip {
namespace {

void add(ModelSummary& summary, std::string_view type, std::int64_t n_elements,
         std::size_t n_bytes) {
  auto it = std::find_if(summary.types.begin(), summary.types.end(),
                         [&](const TypeTotals& totals) { return totals.type == type; });
  if (it == summary.types.end()) {
    it = summary.types.insert(summary.types.end(), {.type = std::string(type)});
  }
  for (TypeTotals* totals : {&*it, &summary.total}) {
    totals->n_tensors += 1;
    totals->n_elements += n_elements;
    totals->n_bytes += static_cast<std::int64_t>(n_bytes);
  }
}

ModelSummary summarize_tensors(const std::vector<TensorView>& tensors) {
  ModelSummary summary;
  summary.total.type = "total";
  for (const TensorView& tensor : tensors) {
    add(summary, dtype_name(tensor.dtype), tensor.n_elements(), tensor.bytes.size());
  }
  return summary;
}

void sort_types(ModelSummary& summary) {
  std::stable_sort(summary.types.begin(), summary.types.end(),
                   [](const auto& a, const auto& b) { return a.n_bytes > b.n_bytes; });
}

}  // namespace

double TypeTotals::bits_per_weight() const {
  return n_elements == 0 ? 0 : 8.0 * static_cast<double>(n_bytes) / static_cast<double>(n_elements);
}

ModelSummary summarize(const GgufFile& file) {
  ModelSummary summary = summarize_tensors(file.tensors());
  for (const GgufShard& shard : file.shards()) {
    summary.file_bytes += static_cast<std::int64_t>(shard.bytes.size());
  }
  sort_types(summary);
  return summary;
}

ModelSummary summarize(const HfFolder& folder) {
  ModelSummary summary = summarize_tensors(folder.tensors());
  for (const OpaqueTensor& tensor : folder.others()) {
    std::int64_t n_elements = 1;
    for (const std::int64_t dim : tensor.shape) n_elements *= dim;
    add(summary, tensor.type, n_elements, tensor.bytes.size());
  }
  for (const auto& path : folder.weight_files()) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    if (!ignored) summary.file_bytes += static_cast<std::int64_t>(size);
  }
  sort_types(summary);
  return summary;
}

}  // namespace slip
