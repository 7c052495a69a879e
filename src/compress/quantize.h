// A model file with its matrices stored as other types: the work of `slipstream quantize`.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "compress/imatrix.h"
#include "compress/type_plan.h"
#include "formats/summary.h"
#include "formats/target.h"
#include "ops/thread_pool.h"

namespace slip {

struct QuantizeOptions {
  TypePlanOptions types;
  // How much the columns of each matrix matter; null: all alike. Its name goes to the metadata.
  const Imatrix* imatrix = nullptr;
  std::string imatrix_file = {};
  Existing existing = Existing::kRefuse;  // what to do with a file of the target's name
  // Weights written so far, of how many.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress = {};
  const std::atomic<bool>* cancel = nullptr;
};

struct QuantizeReport {
  ModelSummary source = {}, target = {};
  std::string parent_hash = {};  // of the source's bytes, as the target's metadata has it
  std::vector<std::string> fallbacks = {};  // matrices that the mix's type doesn't fit (TypePlan)
  // Matrices that were encoded without importance though there is an imatrix: it doesn't know them.
  std::vector<std::string> without_importance = {};
  bool was_quantized = false;  // the source: its losses stay, and more are added
};

// Reads `source` (a GGUF file, any part of a split one) and writes `target` (GGUF, one file):
// metadata as it was, but for general.file_type, general.quantization_version and the keys
// slipstream.parent.* and slipstream.quantize.*, which say what was done; tensors in their order,
// by plan_types. What needs no other type is copied.
//
// Rows are decoded to f32 and encoded on all threads, a few million weights at a time: memory is a
// few times that, whatever the model's size. The same bytes come out for any number of threads.
// The target appears whole or not at all.
//
// Errors: those of opening, planning and writing; kInvalid when the target is the source, when it
// exists (kRefuse), for weights that aren't finite, and for an imatrix of other columns than the
// model's; kCancelled.
Result<QuantizeReport> quantize_model(const std::filesystem::path& source,
                                      const std::filesystem::path& target,
                                      const QuantizeOptions& options, ThreadPool& pool);

}  // namespace slip
