#include "measure/peaks.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/aligned_buffer.h"
#include "base/os/clock.h"

namespace slip {
namespace {

// XOR of all words: sixteen chains, so that loads and not the sums are what it waits for.
std::uint64_t fold(const std::byte* bytes, std::int64_t n_bytes) {
  constexpr int kLanes = 16;
  constexpr std::int64_t kStep = kLanes * 8;
  std::uint64_t sums[kLanes] = {};
  for (std::int64_t i = 0; i + kStep <= n_bytes; i += kStep) {
    std::uint64_t words[kLanes];
    std::memcpy(words, bytes + i, sizeof(words));
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] ^= words[lane];
  }
  std::uint64_t all = 0;
  for (const std::uint64_t sum : sums) all ^= sum;
  return all;
}

}  // namespace

Result<double> measure_read_bandwidth(ThreadPool& pool, const BandwidthOptions& options) {
  const std::int64_t n = options.buffer_bytes;
  constexpr std::int64_t kGrain = std::int64_t{1} << 20;
  AlignedBuffer buffer = SLIP_TRY(AlignedBuffer::allocate(static_cast<std::size_t>(n)));
  // Untouched pages all map to one page of zeros, which would be read from the cache.
  pool.parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
    std::memset(buffer.data() + begin, 1, static_cast<std::size_t>(end - begin));
  });
  std::atomic<std::uint64_t> result{0};
  double best = 0;
  for (int pass = 0; pass < options.passes; ++pass) {
    const std::int64_t start = now_ns();
    pool.parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
      // Kept, so that the compiler can't leave the reading out.
      result.fetch_xor(fold(buffer.data() + begin, end - begin), std::memory_order_relaxed);
    });
    const auto elapsed = static_cast<double>(std::max<std::int64_t>(1, now_ns() - start));
    best = std::max(best, static_cast<double>(n) * 1e9 / elapsed);
  }
  return best;
}

namespace {

// The fastest of some rounds of about 20 ms on every thread at once; fewer rounds on a machine that
// is so busy with other things that they take far longer.
double measure_loop(ThreadPool& pool, PeakLoop loop) {
  constexpr std::int64_t kProbeSteps = 10'000;
  constexpr std::int64_t kRoundNs = 20'000'000;
  constexpr std::int64_t kEnoughNs = 500'000'000;
  constexpr int kRounds = 5;
  std::int32_t sink = 0;
  const std::int64_t probe_start = now_ns();
  loop(kProbeSteps, &sink);
  const std::int64_t probe_ns = std::max<std::int64_t>(1, now_ns() - probe_start);
  const std::int64_t n_steps = std::max<std::int64_t>(1, kProbeSteps * kRoundNs / probe_ns);
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<std::int64_t> n_macs{0};
    const std::int64_t start = now_ns();
    pool.parallel_for(pool.n_threads(), 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        std::int32_t thread_sink = static_cast<std::int32_t>(i);
        n_macs.fetch_add(loop(n_steps, &thread_sink), std::memory_order_relaxed);
      }
    });
    const auto elapsed = static_cast<double>(std::max<std::int64_t>(1, now_ns() - start));
    best = std::max(best, static_cast<double>(n_macs.load()) * 1e9 / elapsed);
    if (now_ns() - probe_start > kEnoughNs) break;
  }
  return best;
}

}  // namespace

ComputePeaks measure_compute_peaks(ThreadPool& pool, std::string_view isa) {
  const PeakKernels* kernels = peak_ref();
  for (const PeakKernels* built : built_peaks()) {
    if (built->isa == isa) kernels = built;
  }
  ComputePeaks peaks{.int8 = measure_loop(pool, kernels->int8),
                     .f32 = measure_loop(pool, kernels->f32)};
  peaks.bf16 = kernels->bf16 == kernels->f32 ? peaks.f32 : measure_loop(pool, kernels->bf16);
  if (kernels->int4 != nullptr) peaks.int4 = measure_loop(pool, kernels->int4);
  return peaks;
}

}  // namespace slip
