// What every op works with: the threads, the kernels and scratch areas.
#pragma once

#include <cstddef>
#include <span>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "kernels/kernels.h"
#include "ops/thread_pool.h"

namespace slip {

// What the hungriest op needs (see the ops' *_scratch).
struct ScratchBytes {
  std::size_t per_thread = 0;
  std::size_t shared = 0;  // by all threads
};

// Not thread-safe: one op at a time. The pool may be shared with other contexts.
class OpContext {
 public:
  static Result<OpContext> create(ThreadPool& pool, const KernelTable& kernels,
                                  ScratchBytes scratch) {
    OpContext ctx;
    ctx.pool_ = &pool;
    ctx.kernels_ = &kernels;
    ctx.stride_ = (scratch.per_thread + 4095) / 4096 * 4096;
    ctx.scratch_ =
        SLIP_TRY(AlignedBuffer::allocate(ctx.stride_ * static_cast<std::size_t>(pool.n_threads())));
    ctx.shared_ = SLIP_TRY(AlignedBuffer::allocate(scratch.shared));
    return ctx;
  }

  ThreadPool& pool() const { return *pool_; }
  const KernelTable& kernels() const { return *kernels_; }

  // 64-byte aligned, private to `thread` for the duration of an op.
  std::byte* scratch(int thread, std::size_t bytes) {
    SLIP_CHECK(bytes <= stride_);
    return scratch_.data() + static_cast<std::size_t>(thread) * stride_;
  }

  // For what threads hand to each other within an op.
  std::span<std::byte> shared() { return {shared_.data(), shared_.size()}; }

 private:
  OpContext() = default;
  ThreadPool* pool_ = nullptr;
  const KernelTable* kernels_ = nullptr;
  AlignedBuffer scratch_;
  AlignedBuffer shared_;
  std::size_t stride_ = 0;
};

}  // namespace slip
