// What every op works with: the threads, the kernels and a scratch area per thread.
#pragma once

#include <cstddef>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "kernels/kernels.h"
#include "ops/thread_pool.h"

namespace slip {

// Not thread-safe: one op at a time. The pool may be shared with other contexts.
class OpContext {
 public:
  // `scratch_bytes` is what the hungriest op needs per thread (see the ops' *_scratch_bytes).
  static Result<OpContext> create(ThreadPool& pool, const KernelTable& kernels,
                                  std::size_t scratch_bytes) {
    OpContext ctx;
    ctx.pool_ = &pool;
    ctx.kernels_ = &kernels;
    ctx.stride_ = (scratch_bytes + 4095) / 4096 * 4096;
    ctx.scratch_ =
        SLIP_TRY(AlignedBuffer::allocate(ctx.stride_ * static_cast<std::size_t>(pool.n_threads())));
    return ctx;
  }

  ThreadPool& pool() const { return *pool_; }
  const KernelTable& kernels() const { return *kernels_; }

  // 64-byte aligned, private to `thread` for the duration of an op.
  std::byte* scratch(int thread, std::size_t bytes) {
    SLIP_CHECK(bytes <= stride_);
    return scratch_.data() + static_cast<std::size_t>(thread) * stride_;
  }

 private:
  OpContext() = default;
  ThreadPool* pool_ = nullptr;
  const KernelTable* kernels_ = nullptr;
  AlignedBuffer scratch_;
  std::size_t stride_ = 0;
};

}  // namespace slip
