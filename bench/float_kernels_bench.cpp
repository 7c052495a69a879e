// Float products, attention and row-wise kernels, per instruction set. The counters come from the
// fastest iteration, as in kernels_bench: mac_per_s and bytes_per_s.
// Usage: float_kernels_bench --benchmark_filter='attention/avx512/F16/'
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/dispatch.h"

namespace slip {
namespace {

using Clock = std::chrono::steady_clock;

// n floats, 64-byte aligned; the bytes are also normal f16 and bf16 numbers.
class Floats {
 public:
  explicit Floats(std::int64_t n) : storage_((static_cast<std::size_t>(n) + 16) * 4) {
    std::uint32_t state = 1;
    for (std::uint8_t& byte : storage_) {
      state = state * 1664525u + 1013904223u;
      byte = static_cast<std::uint8_t>(0x20 | (state >> 27));
    }
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    data_ = reinterpret_cast<float*>(storage_.data() + (64 - address % 64) % 64);
  }
  float* data() { return data_; }
  void* bytes_at(std::size_t offset) { return reinterpret_cast<std::uint8_t*>(data_) + offset; }

 private:
  std::vector<std::uint8_t> storage_;
  float* data_;
};

struct Work {
  double macs;
  double bytes;  // of weights, of the KV cache, or read and written
};

template <class Call>
void time_calls(benchmark::State& state, Work work, Call call) {
  double fastest = 1e9;
  for (auto _ : state) {
    const auto begin = Clock::now();
    call();
    benchmark::ClobberMemory();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  state.counters["mac_per_s"] = work.macs / fastest;
  state.counters["bytes_per_s"] = work.bytes / fastest;
}

void bench_fgemm(benchmark::State& state, const KernelTable* table, PackedKind kind,
                 std::int64_t n_rows) {
  constexpr std::int64_t kCols = 2048, kGroups = 32;
  const std::int64_t group_bytes = kCols * kRowGroup * (kind == PackedKind::kF32 ? 4 : 2);
  Floats weights(kGroups * group_bytes / 4), x(n_rows * kCols), out(n_rows * kGroups * kRowGroup);
  const PackedMatrix w = {static_cast<std::uint8_t*>(weights.bytes_at(0)), kGroups * kRowGroup,
                          kCols, group_bytes, kind};
  const FGemmArgs args = {&w, 0, kGroups, x.data(), kCols, n_rows, out.data(), kGroups * kRowGroup};
  const double macs = static_cast<double>(n_rows * kCols * kGroups * kRowGroup);
  time_calls(state, {macs, static_cast<double>(kGroups * group_bytes)},
             [&] { table->fgemm(&args); });
}

void bench_bgemm(benchmark::State& state, const KernelTable* table, std::int64_t n_rows) {
  constexpr std::int64_t kCols = 2048, kGroups = 32;
  const std::int64_t group_bytes = kCols * kRowGroup * 2;
  Floats weights(kGroups * group_bytes / 4), x(n_rows * kCols), out(n_rows * kGroups * kRowGroup);
  Floats act(static_cast<std::int64_t>(table->bf16_bytes(n_rows, kCols) / 4));
  const BF16RoundArgs round = {x.data(), kCols, kCols, 0, n_rows, act.data()};
  table->bf16_round(&round);
  const PackedMatrix w = {static_cast<std::uint8_t*>(weights.bytes_at(0)), kGroups * kRowGroup,
                          kCols, group_bytes, PackedKind::kBF16};
  const BGemmArgs args = {&w, 0, kGroups, act.data(), n_rows, out.data(), kGroups * kRowGroup};
  const double macs = static_cast<double>(n_rows * kCols * kGroups * kRowGroup);
  time_calls(state, {macs, static_cast<double>(kGroups * group_bytes)},
             [&] { table->bgemm(&args); });
}

struct AttentionCase {
  const KernelTable* table;
  KvType type;
  int head_dim;
  int n_rows;  // one position's heads, or for 512 a prefill of as many positions
  int n_keys;
};

void bench_attention(benchmark::State& state, const AttentionCase& c) {
  const std::size_t area = kv_head_bytes(c.type, c.head_dim);
  const int n_pages = c.n_keys / kKvPageTokens;
  const std::size_t kv_bytes = 2 * area * static_cast<std::size_t>(n_pages);
  Floats kv(static_cast<std::int64_t>(kv_bytes / 4)), q(c.n_rows * c.head_dim);
  Floats out(c.n_rows * c.head_dim);
  Floats scratch(static_cast<std::int64_t>(attention_scratch(c.n_rows, c.head_dim)));
  std::vector<KvPagePtr> pages;
  for (int page = 0; page < n_pages; ++page) {
    const std::size_t at = 2 * area * static_cast<std::size_t>(page);
    pages.push_back({kv.bytes_at(at), kv.bytes_at(at + area)});
  }
  std::vector<std::int32_t> first(static_cast<std::size_t>(c.n_rows), 0), last;
  double n_pairs = 0;
  for (int r = 0; r < c.n_rows; ++r) {
    last.push_back(c.n_rows == 512 ? c.n_keys - c.n_rows + r : c.n_keys - 1);
    n_pairs += last.back() + 1;
  }
  const AttentionArgs args = {c.type,       c.type,      q.data(),     c.head_dim, c.n_rows,
                              first.data(), last.data(), pages.data(), c.head_dim, 0.1F,
                              0.0F,         out.data(),  c.head_dim,   nullptr,    scratch.data()};
  time_calls(state, {2 * n_pairs * c.head_dim, static_cast<double>(kv_bytes)},
             [&] { c.table->attention(&args); });
}

enum class RowKernel { kRmsNorm, kSilu, kGeluTanh, kSoftCap, kArgmax };

void bench_row(benchmark::State& state, const KernelTable* table, RowKernel kernel,
               std::int64_t n) {
  Floats x(n), w(n), y(n);
  const RmsNormArgs norm = {x.data(), w.data(), 0.0F, 1e-5F, n, y.data()};
  const GateArgs silu = {GateActivation::kSilu, x.data(), w.data(), n, y.data()};
  const GateArgs gelu = {GateActivation::kGeluTanh, x.data(), w.data(), n, y.data()};
  time_calls(state, {0, static_cast<double>(n) * 4}, [&] {
    if (kernel == RowKernel::kRmsNorm) table->rms_norm(&norm);
    if (kernel == RowKernel::kSilu) table->gate(&silu);
    if (kernel == RowKernel::kGeluTanh) table->gate(&gelu);
    if (kernel == RowKernel::kSoftCap) table->soft_cap(y.data(), 30, n);
    if (kernel == RowKernel::kArgmax) benchmark::DoNotOptimize(table->argmax(x.data(), n));
  });
}

void register_all() {
  const char* kinds[] = {"F32", "F16", "BF16"};
  const PackedKind packed[] = {PackedKind::kF32, PackedKind::kF16, PackedKind::kBF16};
  const char* kv_names[] = {"F32", "F16", "BF16", "I16", "Q8_0", "Q4_0"};
  const char* row_names[] = {"rms_norm", "silu", "gelu_tanh", "soft_cap", "argmax"};
  for (const KernelTable* table : available_kernels()) {
    const std::string isa = table->isa;
    for (int kind = 0; kind < 3; ++kind) {
      for (const std::int64_t m : {1, 2, 4, 8, 12, 64, 120, 512}) {
        benchmark::RegisterBenchmark(fmt::format("fgemm/{}/{}/M{}", isa, kinds[kind], m).c_str(),
                                     bench_fgemm, table, packed[kind], m);
      }
    }
    for (const std::int64_t m : {1, 8, 64, 512}) {
      benchmark::RegisterBenchmark(fmt::format("bgemm/{}/M{}", isa, m).c_str(), bench_bgemm, table,
                                   m);
    }
    for (int type = 0; type < 6; ++type) {
      for (const int head_dim : {64, 128}) {
        for (const int n_rows : {1, 4, 8, 512}) {
          const AttentionCase c = {table, static_cast<KvType>(type), head_dim, n_rows, 2048};
          const auto name =
              fmt::format("attention/{}/{}/d{}/rows{}", isa, kv_names[type], head_dim, n_rows);
          benchmark::RegisterBenchmark(name.c_str(), bench_attention, c);
        }
      }
    }
    for (int kernel = 0; kernel < 5; ++kernel) {
      for (const std::int64_t n : {4096, 128256}) {
        benchmark::RegisterBenchmark(fmt::format("{}/{}/n{}", row_names[kernel], isa, n).c_str(),
                                     bench_row, table, static_cast<RowKernel>(kernel), n);
      }
    }
  }
}

}  // namespace
}  // namespace slip

int main(int argc, char** argv) {
  slip::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
