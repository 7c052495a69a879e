// Matrix products, activation quantisation and packing, per instruction set, format and batch.
// The counters come from the fastest iteration, which a busy machine disturbs least:
//   mac_per_cycle  multiply-adds a core cycle; the clock is calibrated when the program starts
//   weights_bps    bytes of packed weights a second
// Usage: kernels_bench --benchmark_filter='qgemm/avx512/Q4_1/p1/M512/'
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "kernels/dispatch.h"
#include "quant/pack.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Three dependent pairs of shift and exclusive or: six cycles on every current core.
double measure_hertz() {
  constexpr int kSteps = 1'000'000;
  double best = 1e9;
  std::uint64_t x = 88172645463325252ULL;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto begin = Clock::now();
    for (int i = 0; i < kSteps; ++i) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
    }
    benchmark::DoNotOptimize(x);
    best = std::min(best, seconds_since(begin));
  }
  return 6.0 * kSteps / best;
}

double core_hertz() {
  static const double hertz = measure_hertz();
  return hertz;
}

// Room for n elements, 64-byte aligned.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::int64_t n)
      : storage_(static_cast<std::size_t>(n) * sizeof(T) + 64, std::byte{0}) {}
  T* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    return reinterpret_cast<T*>(storage_.data() + (64 - address % 64) % 64);
  }

 private:
  std::vector<std::byte> storage_;
};

std::vector<std::byte> random_blocks(DType type, std::int64_t n_elements) {
  const DTypeInfo& info = dtype_info(type);
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(n_elements / info.block_size * info.block_bytes));
  std::mt19937 rng(1);
  // Bytes below 0x3c keep every f16 factor finite.
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng() % 0x3c);
  return bytes;
}

// All blocks of the activations 16 bits, three in ten (of normal numbers), or none.
constexpr float kFine = 0.0f, kMixed = 2.53f, kCoarse = std::numeric_limits<float>::infinity();

const char* precision_name(float fine_above) {
  return fine_above == kFine ? "fine" : fine_above == kMixed ? "mixed" : "coarse";
}

struct Case {
  const KernelTable* table;
  DType type;
  float fine_above;
  std::int64_t m, n, k;
  int tiling = 0;  // index in the table's list

  const GemmTiling& gemm_tiling() const { return table->tilings[tiling]; }
  std::string name() const {
    return fmt::format("qgemm/{}/{}/{}/M{}/N{}/K{}/T{}", table->isa, dtype_name(type),
                       precision_name(fine_above), m, n, k, tiling);
  }
};

void quantize(const Case& c, const std::vector<float>& x, void* packed) {
  const ActQuantArgs args = {.x = x.data(),
                             .x_stride = c.k,
                             .n_cols = c.k,
                             .row_begin = 0,
                             .row_end = c.m,
                             .n_rows = c.m,
                             .fine_above = c.fine_above,
                             .packed = packed,
                             .tiling = &c.gemm_tiling()};
  c.table->act_quantize(&args);
}

std::vector<float> random_rows(std::int64_t m, std::int64_t k) {
  std::vector<float> x(static_cast<std::size_t>(m * k));
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  for (float& v : x) v = normal(rng);
  return x;
}

void bench_qgemm(benchmark::State& state, const Case& c) {
  const std::vector<std::byte> blocks = random_blocks(c.type, c.n * c.k);
  const TensorView tensor = {.name = "w", .dtype = c.type, .shape = {c.k, c.n}, .bytes = blocks};
  const PackedKind kind = *packed_kind(c.type);
  const std::int64_t group_bytes = packed_group_bytes(kind, c.k), n_groups = c.n / kRowGroup;
  Buffer<std::uint8_t> packed(n_groups * group_bytes);
  pack_groups(tensor, 0, n_groups, packed.data());
  const PackedMatrix w = {packed.data(), c.n, c.k, group_bytes, kind};
  Buffer<std::byte> act(static_cast<std::int64_t>(c.table->act_bytes(c.m, c.k)));
  quantize(c, random_rows(c.m, c.k), act.data());
  Buffer<float> out(c.m * c.n);
  const QGemmArgs args = {.w = &w,
                          .group_begin = 0,
                          .group_end = n_groups,
                          .act = act.data(),
                          .n_rows = c.m,
                          .fine_above = c.fine_above,
                          .out = out.data(),
                          .out_stride = c.n,
                          .tiling = &c.gemm_tiling()};
  double best = 1e9;
  for (auto _ : state) {
    const auto begin = Clock::now();
    c.table->qgemm(&args);
    best = std::min(best, seconds_since(begin));
  }
  state.counters["mac_per_cycle"] = static_cast<double>(c.m * c.n * c.k) / best / core_hertz();
  state.counters["weights_bps"] = static_cast<double>(n_groups * group_bytes) / best;
}

void bench_act_quantize(benchmark::State& state, const Case& c) {
  const std::vector<float> x = random_rows(c.m, c.k);
  Buffer<std::byte> act(static_cast<std::int64_t>(c.table->act_bytes(c.m, c.k)));
  double best = 1e9;
  for (auto _ : state) {
    const auto begin = Clock::now();
    quantize(c, x, act.data());
    best = std::min(best, seconds_since(begin));
  }
  state.counters["cycles_per_block"] =
      best * core_hertz() / static_cast<double>(c.m * c.k / kActBlock);
}

void bench_pack(benchmark::State& state, DType type) {
  constexpr std::int64_t kRows = 1536, kCols = 2048;
  const std::vector<std::byte> blocks = random_blocks(type, kRows * kCols);
  const TensorView tensor = {.name = "w", .dtype = type, .shape = {kCols, kRows}, .bytes = blocks};
  Buffer<std::uint8_t> packed(kRows / kRowGroup * packed_group_bytes(*packed_kind(type), kCols));
  double best = 1e9;
  for (auto _ : state) {
    const auto begin = Clock::now();
    pack_groups(tensor, 0, kRows / kRowGroup, packed.data());
    best = std::min(best, seconds_since(begin));
  }
  state.counters["bps"] = static_cast<double>(blocks.size()) / best;
}

void register_all() {
  for (const KernelTable* table : available_kernels()) {
    for (const QuantFormat* format : quant_formats()) {
      if (!format->is_quantized()) continue;
      for (const float fine_above : {kFine, kMixed, kCoarse}) {
        for (const std::int64_t m : {1, 2, 4, 8, 16, 64, 512}) {
          for (const std::int64_t k : {256, 576, 1536, 4096}) {
            if (k % format->super_block != 0) continue;
            // An iteration stays well below a time slice, so that one in many is undisturbed.
            const std::int64_t n = m >= 64 ? 96 : m >= 8 ? 384 : 1536;
            for (int tiling = 0; tiling < table->n_tilings; ++tiling) {
              const Case c = {table, format->type, fine_above, m, n, k, tiling};
              benchmark::RegisterBenchmark(c.name().c_str(), bench_qgemm, c);
            }
          }
        }
      }
    }
    for (const float fine_above : {kFine, kMixed, kCoarse}) {
      for (const std::int64_t m : {1, 512}) {
        const Case c = {table, DType::kQ4_0, fine_above, m, 0, 1536};
        benchmark::RegisterBenchmark(
            fmt::format("act_quantize/{}/{}/M{}", table->isa, precision_name(fine_above), m)
                .c_str(),
            bench_act_quantize, c);
      }
    }
  }
  for (const QuantFormat* format : quant_formats()) {
    benchmark::RegisterBenchmark(fmt::format("pack/{}", dtype_name(format->type)).c_str(),
                                 bench_pack, format->type);
  }
}

}  // namespace
}  // namespace slip

int main(int argc, char** argv) {
  slip::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("core_ghz", fmt::format("{:.2f}", slip::core_hertz() / 1e9));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
