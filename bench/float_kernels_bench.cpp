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

// One token's keys and values into a page.
void bench_kv_store(benchmark::State& state, const KernelTable* table, KvType type, int head_dim) {
  const std::size_t area = kv_head_bytes(type, head_dim);
  Floats page(static_cast<std::int64_t>(2 * area / 4)), kv(2 * head_dim);
  KvStoreArgs args = {type,     type, kv.data(),        kv.data() + head_dim,
                      head_dim, 0,    page.bytes_at(0), page.bytes_at(area)};
  time_calls(state, {0, static_cast<double>(2 * head_dim) * 4 * kKvPageTokens}, [&] {
    for (args.slot = 0; args.slot < kKvPageTokens; ++args.slot) table->kv_store(&args);
  });
}

// What 16 blocks of keys gave for one position's heads.
void bench_attention_merge(benchmark::State& state, const KernelTable* table, int head_dim,
                           int n_rows) {
  constexpr int kBlocks = 16;
  const std::int64_t block_floats = attention_block_floats(head_dim);
  Floats blocks(n_rows * kBlocks * block_floats), out(n_rows * head_dim), scratch(block_floats);
  const AttentionMergeArgs args = {{0, kBlocks, blocks.data(), kBlocks * block_floats},
                                   n_rows,
                                   head_dim,
                                   out.data(),
                                   head_dim,
                                   scratch.data()};
  time_calls(state, {0, static_cast<double>(n_rows * kBlocks * block_floats) * 4},
             [&] { table->attention_merge(&args); });
}

void bench_bf16_round(benchmark::State& state, const KernelTable* table, std::int64_t n_rows) {
  constexpr std::int64_t kCols = 4096;
  Floats x(n_rows * kCols);
  Floats packed(static_cast<std::int64_t>(table->bf16_bytes(n_rows, kCols) / 4));
  const BF16RoundArgs args = {x.data(), kCols, kCols, 0, n_rows, packed.data()};
  time_calls(state, {0, static_cast<double>(n_rows * kCols) * 4},
             [&] { table->bf16_round(&args); });
}

// 32 heads.
void bench_rope(benchmark::State& state, const KernelTable* table, int interleaved, int n_rot) {
  constexpr int kHeads = 32;
  Floats x(kHeads * n_rot), angles(n_rot);
  // Lengths stay as they are.
  std::fill_n(angles.data(), n_rot / 2, 0.6F);
  std::fill_n(angles.data() + n_rot / 2, n_rot / 2, 0.8F);
  time_calls(state, {0, static_cast<double>(kHeads * n_rot) * 4}, [&] {
    for (int head = 0; head < kHeads; ++head) {
      const RopeArgs args = {x.data() + head * n_rot, angles.data(), angles.data() + n_rot / 2,
                             n_rot, interleaved};
      table->rope(&args);
    }
  });
}

// 32 heads.
void bench_hadamard(benchmark::State& state, const KernelTable* table, int n) {
  constexpr int kHeads = 32;
  Floats x(kHeads * n);
  time_calls(state, {0, static_cast<double>(kHeads * n) * 4}, [&] {
    for (int head = 0; head < kHeads; ++head) table->hadamard(x.data() + head * n, n);
  });
}

using RowKernel = void (*)(const KernelTable* table, float* x, float* w, float* y, std::int64_t n);
struct NamedRowKernel {
  const char* name;
  RowKernel run;
};

constexpr NamedRowKernel kRowKernels[] = {
    {"rms_norm",
     [](const KernelTable* table, float* x, float* w, float* y, std::int64_t n) {
       const RmsNormArgs args = {x, w, 0.0F, 1e-5F, n, y};
       table->rms_norm(&args);
     }},
    {"silu",
     [](const KernelTable* table, float* x, float* w, float* y, std::int64_t n) {
       const GateArgs args = {GateActivation::kSilu, x, w, n, y};
       table->gate(&args);
     }},
    {"gelu_tanh",
     [](const KernelTable* table, float* x, float* w, float* y, std::int64_t n) {
       const GateArgs args = {GateActivation::kGeluTanh, x, w, n, y};
       table->gate(&args);
     }},
    {"add", [](const KernelTable* table, float* x, float*, float* y,
               std::int64_t n) { table->add(y, x, n); }},
    {"scale", [](const KernelTable* table, float*, float*, float* y,
                 std::int64_t n) { table->scale(y, 1.0F, n); }},
    {"soft_cap", [](const KernelTable* table, float*, float*, float* y,
                    std::int64_t n) { table->soft_cap(y, 30, n); }},
    {"argmax", [](const KernelTable* table, float* x, float*, float*,
                  std::int64_t n) { benchmark::DoNotOptimize(table->argmax(x, n)); }},
};

void bench_row(benchmark::State& state, const KernelTable* table, RowKernel run, std::int64_t n) {
  Floats x(n), w(n), y(n);
  time_calls(state, {0, static_cast<double>(n) * 4},
             [&] { run(table, x.data(), w.data(), y.data(), n); });
}

void register_products(const KernelTable* table) {
  const char* kinds[] = {"F32", "F16", "BF16"};
  const PackedKind packed[] = {PackedKind::kF32, PackedKind::kF16, PackedKind::kBF16};
  for (int kind = 0; kind < 3; ++kind) {
    for (const std::int64_t m : {1, 2, 4, 8, 12, 64, 120, 512}) {
      benchmark::RegisterBenchmark(
          fmt::format("fgemm/{}/{}/M{}", table->isa, kinds[kind], m).c_str(), bench_fgemm, table,
          packed[kind], m);
    }
  }
  for (const std::int64_t m : {1, 8, 64, 512}) {
    benchmark::RegisterBenchmark(fmt::format("bgemm/{}/M{}", table->isa, m).c_str(), bench_bgemm,
                                 table, m);
    benchmark::RegisterBenchmark(fmt::format("bf16_round/{}/M{}", table->isa, m).c_str(),
                                 bench_bf16_round, table, m);
  }
}

void register_attention(const KernelTable* table) {
  const char* kv_names[] = {"F32", "F16", "BF16", "I16", "Q8_0", "Q4_0"};
  for (const int head_dim : {64, 128}) {
    for (int type = 0; type < 6; ++type) {
      const auto kv_type = static_cast<KvType>(type);
      const std::string of = fmt::format("{}/{}/d{}", table->isa, kv_names[type], head_dim);
      for (const int n_rows : {1, 4, 8, 512}) {
        const AttentionCase c = {table, kv_type, head_dim, n_rows, 2048};
        benchmark::RegisterBenchmark(fmt::format("attention/{}/rows{}", of, n_rows).c_str(),
                                     bench_attention, c);
      }
      benchmark::RegisterBenchmark(fmt::format("kv_store/{}", of).c_str(), bench_kv_store, table,
                                   kv_type, head_dim);
    }
    for (const int n_rows : {1, 8}) {
      benchmark::RegisterBenchmark(
          fmt::format("attention_merge/{}/d{}/rows{}", table->isa, head_dim, n_rows).c_str(),
          bench_attention_merge, table, head_dim, n_rows);
    }
    for (const int interleaved : {0, 1}) {
      const char* pairs = interleaved != 0 ? "interleaved" : "halves";
      benchmark::RegisterBenchmark(
          fmt::format("rope/{}/{}/d{}", table->isa, pairs, head_dim).c_str(), bench_rope, table,
          interleaved, head_dim);
    }
    benchmark::RegisterBenchmark(fmt::format("hadamard/{}/d{}", table->isa, head_dim).c_str(),
                                 bench_hadamard, table, head_dim);
  }
}

void register_all() {
  for (const KernelTable* table : available_kernels()) {
    register_products(table);
    register_attention(table);
    for (const NamedRowKernel& kernel : kRowKernels) {
      for (const std::int64_t n : {4096, 128256}) {
        benchmark::RegisterBenchmark(fmt::format("{}/{}/n{}", kernel.name, table->isa, n).c_str(),
                                     bench_row, table, kernel.run, n);
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
