#include "kernels/self_test.h"

#include <cstring>
#include <vector>

#include "quant/pack.h"

namespace slip {
namespace {

// Deterministic inputs and 64-byte aligned memory, filled at once.
class Buffer {
 public:
  explicit Buffer(size_t n_bytes) : storage_(n_bytes + 64) {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    data_ = storage_.data() + (64 - address % 64) % 64;
  }
  // Floats in [-2, 2).
  static Buffer floats(size_t n) {
    Buffer buffer(n * sizeof(float));
    uint32_t state = 1;
    for (size_t i = 0; i < n; ++i) {
      state = state * 1664525u + 1013904223u;
      buffer.as<float>()[i] = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-30F;
    }
    return buffer;
  }
  // Bytes whose pairs are normal f16 and bf16 numbers below 2, so that they may be scales too.
  static Buffer bytes(size_t n) {
    Buffer buffer(n);
    uint32_t state = 1;
    for (size_t i = 0; i < n; ++i) {
      state = state * 1664525u + 1013904223u;
      buffer.as<uint8_t>()[i] = static_cast<uint8_t>(0x20 | (state >> 27));
    }
    return buffer;
  }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::vector<uint8_t> storage_;
  uint8_t* data_;
};

using Floats = std::vector<float>;

Floats run_fgemm(const KernelTable& table, PackedKind kind) {
  constexpr int64_t kGroups = 3, kCols = 40, kRows = 3;
  const int64_t group_bytes = packed_group_bytes(kind, kCols);
  Buffer weights = kind == PackedKind::kF32
                       ? Buffer::floats(static_cast<size_t>(kGroups * group_bytes) / sizeof(float))
                       : Buffer::bytes(static_cast<size_t>(kGroups * group_bytes));
  Buffer x = Buffer::floats(kRows * kCols);
  const PackedMatrix w = {weights.as<uint8_t>(), kGroups * kRowGroup, kCols, group_bytes, kind};
  Floats out(kRows * kGroups * kRowGroup);
  const FGemmArgs args = {&w,    0,     kGroups,    x.as<float>(),
                          kCols, kRows, out.data(), kGroups * kRowGroup};
  table.fgemm(&args);
  return out;
}

Floats run_bgemm(const KernelTable& table) {
  constexpr int64_t kGroups = 3, kCols = 39, kRows = 3;
  const int64_t group_bytes = packed_group_bytes(PackedKind::kBF16, kCols);
  Buffer weights = Buffer::bytes(static_cast<size_t>(kGroups * group_bytes));
  for (int64_t group = 1; group <= kGroups; ++group) {  // the padding
    std::memset(weights.as<uint8_t>() + group * group_bytes - 32, 0, 32);
  }
  Buffer x = Buffer::floats(kRows * kCols);
  Buffer act(table.bf16_bytes(kRows, kCols));
  const BF16RoundArgs round = {x.as<float>(), kCols, kCols, 0, kRows, act.as<uint8_t>()};
  table.bf16_round(&round);
  const PackedMatrix w = {weights.as<uint8_t>(), kGroups * kRowGroup, kCols, group_bytes,
                          PackedKind::kBF16};
  Floats out(kRows * kGroups * kRowGroup);
  const BGemmArgs args = {
      &w, 0, kGroups, act.as<uint8_t>(), kRows, out.data(), kGroups * kRowGroup};
  table.bgemm(&args);
  return out;
}

Floats run_qgemm(const KernelTable& table, PackedKind kind, float fine_above) {
  constexpr int64_t kCols = 256, kRows = 2;
  const int64_t group_bytes = packed_group_bytes(kind, kCols);
  Buffer weights = Buffer::bytes(static_cast<size_t>(group_bytes));
  Buffer x = Buffer::floats(kRows * kCols);
  Buffer act(table.act_bytes(kRows, kCols));
  const ActQuantArgs quantise = {
      x.as<float>(),       kCols, kCols, 0, kRows, kRows, fine_above, act.as<uint8_t>(),
      &table.fine.few_rows};
  table.act_quantize(&quantise);
  const PackedMatrix w = {weights.as<uint8_t>(), kRowGroup, kCols, group_bytes, kind};
  Floats out(kRows * kRowGroup);
  const QGemmArgs args = {&w,         0,          1,         act.as<uint8_t>(),   kRows,
                          fine_above, out.data(), kRowGroup, &table.fine.few_rows};
  table.qgemm(&args);
  return out;
}

// Stores 40 tokens, then 3 rows see up to 40 of them through a window.
Floats run_attention(const KernelTable& table, KvType type) {
  constexpr int kDim = 32, kTokens = 40, kRows = 3;
  const size_t area = kv_head_bytes(type, kDim);
  Buffer pages(4 * area), kv = Buffer::floats(2 * kDim + kTokens), q = Buffer::floats(kRows * kDim);
  const KvPagePtr pointers[2] = {{pages.as<uint8_t>(), pages.as<uint8_t>() + area},
                                 {pages.as<uint8_t>() + 2 * area, pages.as<uint8_t>() + 3 * area}};
  for (int j = 0; j < kTokens; ++j) {
    uint8_t* k_page = pages.as<uint8_t>() + static_cast<size_t>(j / kKvPageTokens) * 2 * area;
    const KvStoreArgs store = {type,
                               type,
                               kv.as<float>() + j,
                               kv.as<float>() + kDim + j,
                               kDim,
                               j % kKvPageTokens,
                               k_page,
                               k_page + area};
    table.kv_store(&store);
  }
  const int32_t first[kRows] = {0, 1, 2}, last[kRows] = {37, 38, 39};
  Buffer scratch(attention_scratch(kRows, kDim) * sizeof(float));
  Floats out(kRows * kDim);
  AttentionArgs args = {};
  args.k_type = type;
  args.v_type = type;
  args.q = q.as<float>();
  args.q_stride = kDim;
  args.n_rows = kRows;
  args.first = first;
  args.last = last;
  args.pages = pointers;
  args.head_dim = kDim;
  args.scale = 0.18F;
  args.soft_cap = 20;
  args.out = out.data();
  args.out_stride = kDim;
  args.scratch = scratch.as<float>();
  table.attention(&args);
  return out;
}

constexpr int kRowSize = 37;  // two vectors and a tail

Floats run_rms_norm(const KernelTable& table) {
  Buffer x = Buffer::floats(2 * kRowSize);
  Floats y(kRowSize);
  const RmsNormArgs args = {x.as<float>(), x.as<float>() + kRowSize, 1.0F, 1e-5F, kRowSize,
                            y.data()};
  table.rms_norm(&args);
  return y;
}

Floats run_rope(const KernelTable& table, int interleaved) {
  Buffer x = Buffer::floats(4 * kRowSize);
  Floats y(x.as<float>(), x.as<float>() + 2 * kRowSize);
  const float* cos = x.as<float>() + 2 * kRowSize;
  const RopeArgs args = {y.data(), cos, cos + kRowSize, 2 * kRowSize, interleaved};
  table.rope(&args);
  return y;
}

Floats run_gate(const KernelTable& table, GateActivation activation) {
  Buffer x = Buffer::floats(2 * kRowSize);
  Floats y(kRowSize);
  const GateArgs args = {activation, x.as<float>(), x.as<float>() + kRowSize, kRowSize, y.data()};
  table.gate(&args);
  return y;
}

Floats run_elementwise(const KernelTable& table) {
  Buffer x = Buffer::floats(2 * kRowSize);
  Floats y(x.as<float>(), x.as<float>() + kRowSize);
  table.add(y.data(), x.as<float>() + kRowSize, kRowSize);
  table.scale(y.data(), 0.7F, kRowSize);
  table.soft_cap(y.data(), 1.5F, kRowSize);
  y.push_back(static_cast<float>(table.argmax(y.data(), kRowSize)));
  return y;
}

// Runs one kernel of both tables at a time and remembers the first that differs.
class Comparison {
 public:
  Comparison(const KernelTable& table, const KernelTable& ref) : table_(table), ref_(ref) {}

  template <class Run>
  void check(const char* kernel, Run run) {
    if (!first_wrong_.empty()) return;
    const Floats got = run(table_), expected = run(ref_);
    if (std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) != 0) {
      first_wrong_ = kernel;
    }
  }
  const std::string& first_wrong() const { return first_wrong_; }

 private:
  const KernelTable& table_;
  const KernelTable& ref_;
  std::string first_wrong_;
};

}  // namespace

std::string self_test(const KernelTable& table, const KernelTable& ref) {
  if (&table == &ref) return "";
  using T = const KernelTable&;
  Comparison comparison(table, ref);
  comparison.check("rms_norm", run_rms_norm);
  comparison.check("rope", [](T t) { return run_rope(t, 0); });
  comparison.check("rope", [](T t) { return run_rope(t, 1); });
  comparison.check("gate", [](T t) { return run_gate(t, GateActivation::kSilu); });
  comparison.check("gate", [](T t) { return run_gate(t, GateActivation::kGeluTanh); });
  comparison.check("add, scale, soft_cap or argmax", run_elementwise);
  for (const PackedKind kind : {PackedKind::kF32, PackedKind::kF16, PackedKind::kBF16}) {
    comparison.check("fgemm", [&](T t) { return run_fgemm(t, kind); });
  }
  comparison.check("bgemm", run_bgemm);
  for (const PackedKind kind :
       {PackedKind::kQ4_0, PackedKind::kQ4_1, PackedKind::kQ5_1, PackedKind::kQ8_0,
        PackedKind::kQ2_K, PackedKind::kQ3_K, PackedKind::kQ4_K, PackedKind::kQ5_K,
        PackedKind::kQ6_K, PackedKind::kIQ4_XS, PackedKind::kMXFP4}) {
    const float fine_above = kind == PackedKind::kQ4_0 || kind == PackedKind::kQ6_K ? 0.0F : 2.0F;
    comparison.check("qgemm", [&](T t) { return run_qgemm(t, kind, fine_above); });
  }
  for (const KvType type :
       {KvType::kF32, KvType::kF16, KvType::kBF16, KvType::kI16, KvType::kQ8_0, KvType::kQ4_0}) {
    comparison.check("attention", [&](T t) { return run_attention(t, type); });
  }
  return comparison.first_wrong();
}

}  // namespace slip
