// Writes what stays of tensors, each in the type that it has.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "base/result.h"
#include "compress/prune/cut.h"
#include "compress/prune/zeros.h"
#include "formats/gguf_writer.h"
#include "ops/thread_pool.h"

namespace slip {

// How the bytes of a cut tensor come about: for rows alone, and for columns that fall on whole
// blocks of its type and need no repair, they are copied; else rows are decoded and encoded once
// more.
bool is_copied(const TensorCut& cut);

// One tensor after another, some millions of weights at a time; the same bytes for any number of
// threads. Not thread-safe.
class CutWriter {
 public:
  CutWriter(GgufWriter& writer, ThreadPool& pool, const std::atomic<bool>* cancel)
      : writer_(writer), pool_(pool), cancel_(cancel) {}

  // Zeros as options and threshold have them (zero_row); null: none. Errors: those of writing and
  // encoding, naming the tensor; kCancelled.
  Result<> write(const TensorCut& cut, const ZeroOptions* zeros, float threshold);

  // Called with each batch's number of weights, once it is written.
  std::function<void(std::int64_t)> on_batch;
  // Weights that are zero, of the tensors that were written with zeros.
  std::int64_t n_zeros() const { return n_zeros_; }

 private:
  struct Range {
    std::int64_t begin, end;
  };
  void copy_rows(const TensorCut& cut, Range rows);
  Result<> encode_rows(const TensorCut& cut, Range rows, const ZeroOptions* zeros, float threshold);

  GgufWriter& writer_;
  ThreadPool& pool_;
  const std::atomic<bool>* cancel_;
  std::int64_t n_zeros_ = 0;
  std::vector<std::byte> batch_;
};

}  // namespace slip
