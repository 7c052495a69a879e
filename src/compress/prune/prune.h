// A model with less in it: the work of `slipstream prune`.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "compress/prune/zeros.h"
#include "formats/summary.h"
#include "formats/target.h"
#include "ops/thread_pool.h"

namespace slip {

// Shares are 0 (nothing) … below 1. What goes is what matters least (importance.h), in every layer
// the same number.
struct PruneOptions {
  std::vector<int> layers = {};  // to leave out
  int n_layers = 0;              // more to leave out: those of least block influence on the text
  // Calibration text: what goes is then decided by activations (activations.h). Empty: by the
  // weights alone.
  std::string text = {};
  // Of the FFN's channels; what stays is rounded to a multiple of 32, or of the block of ffn_down's
  // type where that is larger, so that the usual types can hold the result.
  double ffn_channels = 0;
  bool repairs = false;    // ffn_down by least squares on the text, where channels go (repair.h)
  double heads = 0;        // of the query heads of each key-value head
  double kv_groups = 0;    // of the key-value heads, with their query heads
  ZeroOptions zeros = {};  // in what is left of the layers' matrices
  Existing existing = Existing::kRefuse;
  // Weights written so far, of how many.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress = {};
  const std::atomic<bool>* cancel = nullptr;
};

struct PruneReport {
  ModelSummary source = {}, target = {};
  std::string parent_hash = {};
  std::vector<int> layers = {};  // that were left out, ascending
  int n_layers = 0;              // that stayed; sizes are those of the first one
  int d_ff = 0, n_heads = 0, n_kv_heads = 0;
  std::int64_t n_zeros = 0,
               n_zeroable = 0;  // weights of the layers' matrices, when zeros were asked for
  // Matrices that are quantised and had to be encoded once more, with the losses of that.
  std::vector<std::string> encoded_again = {};
};

// Reads `source` (GGUF, of a family that runs here) and writes `target` (GGUF): a model that is
// dense and ordinary, smaller by what was left out; other readers take it where they take the
// source. Types stay. Metadata says what was done under slipstream.parent.* and slipstream.prune.*.
// Memory is a few million weights; the same bytes come out for any number of threads.
//
// Errors: those of opening and writing; kInvalid for shares and layers out of range, a target that
// is the source or exists, and weights that aren't finite; kUnsupported for zeros in types that
// have none (a min or a codebook without it), and for families where a layer's meaning follows from
// its place; kCancelled.
Result<PruneReport> prune_model(const std::filesystem::path& source,
                                const std::filesystem::path& target, const PruneOptions& options,
                                ThreadPool& pool);

}  // namespace slip
