// The seam between those who decide what to compute (engine) and those who compute it: the CPU
// here, later accelerators, tensor-parallel ranks, pipeline stages.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/trace.h"
#include "model/config.h"
#include "model/kv_store.h"

namespace slip {

// What a row of a batch should give back.
enum class RowOutput : std::uint8_t {
  kNone,    // fills the KV cache only
  kLogits,  // [n_vocab] logits
  kHidden,  // [d_model] state after the final norm (embeddings)
};

struct BatchRow {
  std::int32_t token = 0;
  std::int32_t position = 0;
  std::int32_t sequence = 0;  // index into ForwardBatch::page_tables
  RowOutput output = RowOutput::kNone;
};

// One forward pass over rows of any number of sequences. Rows of a sequence are consecutive, with
// ascending consecutive positions; the keys of all earlier positions are in the sequence's pages.
// The batch carries everything: there is no other context.
struct ForwardBatch {
  std::span<const BatchRow> rows;
  // By sequence: page ids, entry p holds positions 32p … 32p+31; covers every row's position.
  std::span<const std::span<const std::int32_t>> page_tables;
  // Polled between layers; when it turns true the pass ends with kCancelled. May be null.
  const std::atomic<bool>* cancel = nullptr;
};

// Results in the order of the rows that asked for them; valid until the next submit().
struct ForwardOutput {
  std::span<const float> logits = {};  // [n rows with kLogits][n_vocab]
  // The largest of each 16 logits of a row (find_peaks), for whoever looks for the largest of all:
  // [n rows with kLogits][n_vocab / 16, rounded up]. Empty when the runner doesn't know.
  std::span<const float> peaks = {};
  std::span<const float> hidden = {};  // [n rows with kHidden][d_model]
};

struct Ticket {
  std::uint64_t id = 0;
};

// One pass in flight at a time. submit() and wait() come from one thread.
class ModelRunner {
 public:
  virtual ~ModelRunner() = default;

  virtual const ModelConfig& config() const = 0;
  virtual KvStore& kv() = 0;
  // Rows that one batch may have; position limit (exclusive) of the KV cache and the tables.
  virtual std::int64_t max_rows() const = 0;
  virtual std::int64_t n_ctx() const = 0;

  // Checks the batch and takes it. kInvalid: token or position out of range, page table too short,
  // too many rows, a sequence in two places, a position whose predecessors haven't run. The spans
  // must stay valid until wait() returns.
  virtual Result<Ticket> submit(const ForwardBatch& batch) = 0;
  virtual Result<ForwardOutput> wait(Ticket ticket) = 0;

  // The spans of the passes that follow go to `trace`, which outlives them; null: nowhere.
  virtual void set_trace(Trace* trace) = 0;

  Result<ForwardOutput> run(const ForwardBatch& batch) { return wait(SLIP_TRY(submit(batch))); }
};

}  // namespace slip
