// What every op works with: the threads, the kernels, scratch areas and, while someone measures, a
// trace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/trace.h"
#include "kernels/kernels.h"
#include "ops/thread_pool.h"

namespace slip {

// What the hungriest op needs (see the ops' *_scratch).
struct ScratchBytes {
  std::size_t per_thread = 0;
  std::size_t shared = 0;  // by all threads
};

class InputObserver;

// Not thread-safe: one op at a time. The pool may be shared with other contexts.
class OpContext {
 public:
  static Result<OpContext> create(ThreadPool& pool, const KernelTable& kernels,
                                  ScratchBytes scratch) {
    OpContext ctx;
    ctx.pool_ = &pool;
    ctx.kernels_ = kernels;
    ctx.stride_ = (scratch.per_thread + 4095) / 4096 * 4096;
    ctx.scratch_ =
        SLIP_TRY(AlignedBuffer::allocate(ctx.stride_ * static_cast<std::size_t>(pool.n_threads())));
    ctx.begun_.resize(static_cast<std::size_t>(pool.n_threads()));
    ctx.shared_ = SLIP_TRY(AlignedBuffer::allocate(scratch.shared));
    return ctx;
  }

  int n_threads() const { return pool_->n_threads(); }
  const KernelTable& kernels() const { return kernels_; }

  // 64-byte aligned, private to `thread` for the duration of an op.
  std::byte* scratch(int thread, std::size_t bytes) {
    SLIP_CHECK(bytes <= stride_);
    return scratch_.data() + static_cast<std::size_t>(thread) * stride_;
  }

  // Whether this is the first time that `thread` asks in the current op: then it has to make what
  // it keeps in its scratch.
  bool begins(int thread) {
    std::uint64_t& op = begun_[static_cast<std::size_t>(thread)].op;
    const bool first = op != n_ops_;
    op = n_ops_;
    return first;
  }

  // For what threads hand to each other within an op.
  std::span<std::byte> shared() { return {shared_.data(), shared_.size()}; }

  // Runs fn over [0, n) on the pool (ThreadPool::parallel_for) as one op. `cost`, a callable that
  // returns the op's OpCost, is asked only while a trace is on.
  template <class Cost>
  void parallel_for(std::int64_t n, std::int64_t grain, RangeFn fn, const Cost& cost) {
    ++n_ops_;
    if (trace_ == nullptr) {
      pool_->parallel_for(n, grain, fn);
    } else {
      traced_for(n, grain, fn, cost());
    }
  }

  // Where ops leave their spans; null (the default): nowhere. Not owned.
  Trace* trace() const { return trace_; }
  void set_trace(Trace* trace) { trace_ = trace; }
  // Who sees the inputs of products; null (the default): nobody. Not owned.
  InputObserver* observer() const { return observer_; }
  void set_observer(InputObserver* observer) { observer_ = observer; }
  // The layer that the next ops belong to; -1: none.
  void set_layer(int layer) {
    if (trace_ != nullptr) trace_->set_layer(layer);
  }

 private:
  struct alignas(64) Begun {
    std::uint64_t op = 0;
  };
  OpContext() = default;
  void traced_for(std::int64_t n, std::int64_t grain, RangeFn fn, const OpCost& cost);

  ThreadPool* pool_ = nullptr;
  KernelTable kernels_ = {};
  AlignedBuffer scratch_;
  AlignedBuffer shared_;
  std::size_t stride_ = 0;
  std::uint64_t n_ops_ = 0;
  std::vector<Begun> begun_;  // by thread: the last op that it began
  Trace* trace_ = nullptr;
  InputObserver* observer_ = nullptr;
};

}  // namespace slip
