// What ran when, on which thread: the spans that a profile is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slip {

// Which of the machine's arithmetic peaks bounds an op.
enum class MacUnit : std::uint8_t { kF32, kBf16, kInt8, kInt4 };

// What an op is and what it needs.
struct OpCost {
  const char* name = "";   // lives as long as the program; printable ASCII without quotes
  std::int64_t bytes = 0;  // of weights, of keys and values, or of the rows that go in and out
  std::int64_t macs = 0;   // multiply-accumulates of matrix products and attention
  MacUnit unit = MacUnit::kF32;
  int n_planes = 1;  // times that `unit` does each of them: 2 for activations of 16 bits
};

// An op from its call to its return, as the calling thread saw it.
struct OpSpan {
  OpCost cost;
  int layer = -1;            // -1: outside of the layers
  bool is_parallel = false;  // more than one thread was wanted
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

// A thread at work within an op, from its first range of work to its last.
struct BusySpan {
  std::size_t op = 0;  // index into Trace::ops()
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

// Grows while it records. One thread begins and ends ops, one at a time; within an op each of the
// threads 0 … n_threads-1 says by itself when it worked. Thread 0 is the one that begins ops; the
// others have the numbers that they have in the thread pool.
class Trace {
 public:
  explicit Trace(int n_threads) : busy_(static_cast<std::size_t>(n_threads)) {}

  // Of the ops that follow.
  void set_layer(int layer) { layer_ = layer; }
  void begin_op(const OpCost& cost, bool is_parallel);
  void end_op();
  // At most once an op and thread.
  void add_busy(int thread, std::int64_t begin_ns, std::int64_t end_ns);

  // Forgets all spans and keeps their memory: what follows costs less.
  void clear();

  int n_threads() const { return static_cast<int>(busy_.size()); }
  std::span<const OpSpan> ops() const { return ops_; }
  // In the order of the ops.
  std::span<const BusySpan> busy(int thread) const {
    return busy_[static_cast<std::size_t>(thread)].spans;
  }

 private:
  struct alignas(64) Thread {
    std::vector<BusySpan> spans;
  };
  int layer_ = -1;
  std::vector<OpSpan> ops_;
  std::vector<Thread> busy_;
};

// Work of the calling thread alone, from here to the end of the scope. Nothing when `trace` is
// null.
class SerialSpan {
 public:
  SerialSpan(Trace* trace, const OpCost& cost) : trace_(trace) {
    if (trace_ != nullptr) trace_->begin_op(cost, /*is_parallel=*/false);
  }
  ~SerialSpan();
  SerialSpan(const SerialSpan&) = delete;
  SerialSpan& operator=(const SerialSpan&) = delete;

 private:
  Trace* trace_;
};

}  // namespace slip
