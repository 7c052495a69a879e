#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "kernels/support.h"

namespace slip::test {
namespace {

// Query row r sees keys [first, last].
struct Range {
  int first;
  int last;
};

struct Case {
  std::string name;
  int head_dim;
  std::vector<Range> rows;
  float soft_cap = 0;
};

const char* name_of(KvType type) {
  switch (type) {
    case KvType::kF32:
      return "F32";
    case KvType::kF16:
      return "F16";
    case KvType::kBF16:
      return "BF16";
    case KvType::kI16:
      return "I16";
    case KvType::kQ8_0:
      return "Q8_0";
    case KvType::kQ4_0:
      return "Q4_0";
  }
  return "";
}

struct Types {
  KvType k;
  KvType v;
};

// The pages of one KV head, filled through kv_store; slots never stored to stay poisoned, and pages
// that no row may see are null.
class Cache {
 public:
  Cache(const KernelTable& table, Types types, int head_dim, Range keys)
      : k_bytes_(kv_head_bytes(types.k, head_dim)),
        page_bytes_(k_bytes_ + kv_head_bytes(types.v, head_dim)),
        first_page_(keys.first / kKvPageTokens),
        n_pages_(keys.last / kKvPageTokens + 1 - first_page_),
        storage_(static_cast<std::size_t>(n_pages_) * page_bytes_),
        pages_(static_cast<std::size_t>(first_page_ + n_pages_), KvPagePtr{nullptr, nullptr}) {
    for (int page = 0; page < n_pages_; ++page) {
      pages_[static_cast<std::size_t>(first_page_ + page)] = {area(page, 0), area(page, 1)};
    }
    const auto dim = static_cast<std::size_t>(head_dim);
    for (int j = keys.first; j <= keys.last; ++j) {
      k[j] = random_floats(dim, -2, 2, 1000 + static_cast<std::uint64_t>(j));
      v[j] = random_floats(dim, -2, 2, 900000 + static_cast<std::uint64_t>(j));
      const int page = j / kKvPageTokens - first_page_;
      const KvStoreArgs args = {types.k,  types.v,           k[j].data(),   v[j].data(),
                                head_dim, j % kKvPageTokens, area(page, 0), area(page, 1)};
      table.kv_store(&args);
    }
  }

  const KvPagePtr* pages() const { return pages_.data(); }
  std::vector<std::uint8_t> bytes() {
    const auto* begin = storage_.as<std::uint8_t>();
    return {begin, begin + static_cast<std::size_t>(n_pages_) * page_bytes_};
  }

  std::map<int, std::vector<float>> k, v;  // what was stored, before rounding

 private:
  std::uint8_t* area(int page, int which) {
    return storage_.as<std::uint8_t>() + static_cast<std::size_t>(page) * page_bytes_ +
           (which == 0 ? 0 : k_bytes_);
  }

  std::size_t k_bytes_, page_bytes_;
  int first_page_, n_pages_;
  Poisoned storage_;
  std::vector<KvPagePtr> pages_;
};

Range keys_of(const std::vector<Range>& rows) {
  Range keys = rows.front();
  for (const Range& row : rows) {
    keys = {std::min(keys.first, row.first), std::max(keys.last, row.last)};
  }
  return keys;
}

class Attention {
 public:
  Attention(const Case& c, Types types)
      : c_(c), types_(types), q_(random_floats(c.rows.size() * q_stride(), -2, 2, 3)) {}

  // Rows [begin, begin + n), each padded to out_stride.
  std::vector<float> run(const KernelTable& table, const Cache& cache, std::size_t begin,
                         std::size_t n) const {
    std::vector<std::int32_t> first, last;
    for (std::size_t r = begin; r < begin + n; ++r) {
      first.push_back(c_.rows[r].first);
      last.push_back(c_.rows[r].last);
    }
    const std::size_t scratch_floats = attention_scratch(static_cast<int>(n), c_.head_dim);
    Poisoned scratch((scratch_floats + 16) * sizeof(float));
    std::uint32_t* guard = scratch.as<std::uint32_t>() + scratch_floats;
    std::vector<float> out(n * out_stride(), -7.0F);
    AttentionArgs args = arguments(cache, begin, n);
    args.first = first.data();
    args.last = last.data();
    args.out = out.data();
    args.out_stride = static_cast<std::int64_t>(out_stride());
    args.scratch = scratch.as<float>();
    table.attention(&args);
    for (int i = 0; i < 16; ++i) EXPECT_EQ(guard[i], 0xffffffffU) << "scratch overrun";
    return out;
  }

  // All rows, each block by a call of its own, the last one first, then merged.
  std::vector<float> run_block_by_block(const KernelTable& table, const Cache& cache) const {
    const std::size_t n = c_.rows.size();
    std::vector<std::int32_t> first, last;
    for (const Range& row : c_.rows) {
      first.push_back(row.first);
      last.push_back(row.last);
    }
    const Range keys = keys_of(c_.rows);
    const std::int32_t begin = keys.first / kKeyBlock, end = keys.last / kKeyBlock + 1;
    const auto block_floats = static_cast<std::size_t>(attention_block_floats(c_.head_dim));
    const std::size_t row_floats = block_floats * static_cast<std::size_t>(end - begin);
    Poisoned results(n * row_floats * sizeof(float));
    Poisoned scratch(attention_scratch(static_cast<int>(n), c_.head_dim) * sizeof(float));
    for (std::int32_t b = end - 1; b >= begin; --b) {
      const AttentionBlocks block = {
          b, b + 1, results.as<float>() + static_cast<std::size_t>(b - begin) * block_floats,
          static_cast<std::int64_t>(row_floats)};
      AttentionArgs args = arguments(cache, 0, n);
      args.first = first.data();
      args.last = last.data();
      args.blocks = &block;
      args.scratch = scratch.as<float>();
      table.attention(&args);
    }
    std::vector<float> out(n * out_stride(), -7.0F);
    AttentionMergeArgs args = {};
    args.blocks = {begin, end, results.as<float>(), static_cast<std::int64_t>(row_floats)};
    args.n_rows = static_cast<int>(n);
    args.head_dim = c_.head_dim;
    args.out = out.data();
    args.out_stride = static_cast<std::int64_t>(out_stride());
    args.scratch = scratch.as<float>();
    table.attention_merge(&args);
    return out;
  }

  std::vector<double> exact(const Cache& cache, std::size_t r) const {
    const Range range = c_.rows[r];
    const float* q = q_.data() + r * q_stride();
    std::vector<double> scores, out(static_cast<std::size_t>(c_.head_dim));
    for (int j = range.first; j <= range.last; ++j) {
      double s = 0;
      for (std::size_t i = 0; i < out.size(); ++i) {
        s += static_cast<double>(q[i]) * static_cast<double>(cache.k.at(j)[i]);
      }
      s *= static_cast<double>(scale());
      if (c_.soft_cap != 0) s = c_.soft_cap * std::tanh(s / c_.soft_cap);
      scores.push_back(s);
    }
    const double m = *std::max_element(scores.begin(), scores.end());
    double l = 0;
    for (std::size_t at = 0; at < scores.size(); ++at) {
      const double p = std::exp(scores[at] - m);
      l += p;
      const auto& v = cache.v.at(range.first + static_cast<int>(at));
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += p * static_cast<double>(v[i]);
    }
    for (double& o : out) o /= l;
    return out;
  }

  std::size_t q_stride() const { return static_cast<std::size_t>(c_.head_dim) + 24; }
  std::size_t out_stride() const { return static_cast<std::size_t>(c_.head_dim) + 16; }

 private:
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(c_.head_dim)); }
  // Without first, last, scratch, and out or blocks.
  AttentionArgs arguments(const Cache& cache, std::size_t begin, std::size_t n) const {
    AttentionArgs args = {};
    args.k_type = types_.k;
    args.v_type = types_.v;
    args.q = q_.data() + begin * q_stride();
    args.q_stride = static_cast<std::int64_t>(q_stride());
    args.n_rows = static_cast<int>(n);
    args.pages = cache.pages();
    args.head_dim = c_.head_dim;
    args.scale = scale();
    args.soft_cap = c_.soft_cap;
    return args;
  }

  Case c_;
  Types types_;
  std::vector<float> q_;
};

// Rounding of K shifts scores and rounding of V the values: a few steps of the stored type.
double tolerance_of(KvType type) {
  switch (type) {
    case KvType::kF32:
      return 1e-5;
    case KvType::kI16:
      return 5e-4;
    case KvType::kF16:
      return 2e-3;
    case KvType::kQ4_0:
      return 0.25;
    default:
      return 1.5e-2;
  }
}

using Param = std::tuple<Case, Types>;
class AttentionTest : public ::testing::TestWithParam<Param> {
 protected:
  const KernelTable& ref() const { return *tables_under_test().front(); }
  const Case& c() const { return std::get<0>(GetParam()); }
  Types types() const { return std::get<1>(GetParam()); }
  Cache cache(const KernelTable& table) const {
    return Cache(table, types(), c().head_dim, keys_of(c().rows));
  }
};

TEST_P(AttentionTest, RefIsNearTheExactResult) {
  const Cache stored = cache(ref());
  const Attention attention(c(), types());
  const auto out = attention.run(ref(), stored, 0, c().rows.size());
  const double tolerance = tolerance_of(types().k) + tolerance_of(types().v);
  for (std::size_t r = 0; r < c().rows.size(); ++r) {
    const auto exact = attention.exact(stored, r);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      ASSERT_NEAR(out[r * attention.out_stride() + i], exact[i], tolerance) << r << " " << i;
    }
  }
}

TEST_P(AttentionTest, EveryIsaGivesTheBitsOfRef) {
  Cache stored = cache(ref());
  const Attention attention(c(), types());
  const auto expected = attention.run(ref(), stored, 0, c().rows.size());
  for (const KernelTable* table : tables_under_test()) {
    EXPECT_TRUE(cache(*table).bytes() == stored.bytes()) << table->isa;
    EXPECT_TRUE(same_bits(attention.run(*table, stored, 0, c().rows.size()), expected))
        << table->isa;
  }
}

TEST_P(AttentionTest, BlocksApartGiveTheWhole) {
  const Cache stored = cache(ref());
  const Attention attention(c(), types());
  const auto expected = attention.run(ref(), stored, 0, c().rows.size());
  for (const KernelTable* table : tables_under_test()) {
    EXPECT_TRUE(same_bits(attention.run_block_by_block(*table, stored), expected)) << table->isa;
  }
}

TEST_P(AttentionTest, ARowAloneEqualsTheRowInABatch) {
  const Cache stored = cache(ref());
  const Attention attention(c(), types());
  for (const KernelTable* table : tables_under_test()) {
    if (table == &ref()) continue;  // it does one row after the other
    const auto batch = attention.run(*table, stored, 0, c().rows.size());
    for (std::size_t r = 0; r < c().rows.size(); ++r) {
      const auto begin = batch.begin() + static_cast<std::ptrdiff_t>(r * attention.out_stride());
      const std::vector<float> row(begin,
                                   begin + static_cast<std::ptrdiff_t>(attention.out_stride()));
      ASSERT_TRUE(same_bits(attention.run(*table, stored, r, 1), row)) << table->isa << " " << r;
    }
  }
}

// Integers can't hold an infinity or a NaN: the scale tells of it.
TEST(Attention, NumbersThatAreNotFiniteShowInTheResult) {
  constexpr int kDim = 40, kRows = 3;
  const float inf = std::numeric_limits<float>::infinity();
  const std::int32_t first[kRows] = {0, 3, 0}, last[kRows] = {2, 6, 6};
  for (const KernelTable* table : tables_under_test()) {
    Poisoned k_page(kv_head_bytes(KvType::kI16, kDim)), v_page(kv_head_bytes(KvType::kI16, kDim));
    Poisoned scratch(attention_scratch(kRows, kDim) * sizeof(float));
    std::vector<float> q = random_floats(kRows * kDim, -2, 2, 1), out(kRows * kDim);
    for (int slot = 0; slot < 7; ++slot) {
      auto k = random_floats(kDim, -2, 2, 2), v = random_floats(kDim, -2, 2, 3);
      if (slot == 1) k[39] = std::nanf("");
      if (slot == 2) v[7] = -inf;
      const KvStoreArgs store = {KvType::kI16, KvType::kI16, k.data(),          v.data(),
                                 kDim,         slot,         k_page.as<void>(), v_page.as<void>()};
      table->kv_store(&store);
    }
    const KvPagePtr page = {k_page.as<void>(), v_page.as<void>()};
    AttentionArgs args = {};
    args.k_type = args.v_type = KvType::kI16;
    args.q = q.data();
    args.q_stride = args.out_stride = args.head_dim = kDim;
    args.n_rows = kRows;
    args.first = first;
    args.last = last;
    args.pages = &page;
    args.scale = 0.2F;
    args.out = out.data();
    args.scratch = scratch.as<float>();
    q[2 * kDim + 5] = inf;
    table->attention(&args);
    for (int i = 0; i < kDim; ++i) {
      EXPECT_TRUE(std::isnan(out[i])) << table->isa << " a key and a value " << i;
      EXPECT_TRUE(std::isfinite(out[kDim + i])) << table->isa << " neither " << i;
      EXPECT_TRUE(std::isnan(out[2 * kDim + i])) << table->isa << " the query " << i;
    }
  }
}

std::vector<Case> cases() {
  std::vector<Case> list;
  const auto causal = [](int begin, int n, int window) {
    std::vector<Range> rows;
    for (int p = begin; p < begin + n; ++p) {
      rows.push_back({window == 0 ? 0 : std::max(0, p + 1 - window), p});
    }
    return rows;
  };
  for (const int head_dim : {32, 64, 96, 128, 256}) {
    list.push_back({fmt::format("dim{}", head_dim), head_dim, causal(290, 5, 0)});
  }
  list.push_back({"first_token", 64, {{0, 0}}});
  for (int n = 1; n <= 14; ++n) {
    list.push_back({fmt::format("decode{}", n), 64,
                    std::vector<Range>(static_cast<std::size_t>(n), Range{0, 263})});
  }
  list.push_back({"prefill_from_0", 64, causal(0, 70, 0)});
  list.push_back({"prefill_over_a_block", 64, causal(240, 30, 0)});
  list.push_back({"window", 64, causal(500, 29, 100)});
  list.push_back({"window_of_one", 32, causal(250, 14, 1)});
  list.push_back({"window_over_three_blocks", 32, causal(800, 13, 520)});
  list.push_back({"soft_cap", 64, causal(280, 7, 0), 20.0F});
  list.push_back({"soft_cap_window", 96, causal(530, 26, 270), 5.0F});
  list.push_back({"late_window", 64, causal(2100, 3, 37)});
  list.push_back({"mixed_rows",
                  64,
                  {{0, 5}, {3, 300}, {256, 256}, {255, 256}, {100, 110}, {0, 300}, {290, 299}}});
  list.push_back(
      {"block_ends", 32, {{0, 255}, {0, 256}, {256, 511}, {255, 512}, {0, 31}, {32, 63}}});
  return list;
}

// Q8_0 has a scale per 32 dims: these are not for it. 8, 40, 72 end within a 16-lane vector.
std::vector<Case> odd_dims() {
  return {{"dim8", 8, {{0, 40}, {1, 41}, {2, 300}}},
          {"dim40", 40, {{0, 40}, {1, 41}, {2, 300}}},
          {"dim80", 80, {{0, 40}, {1, 41}, {2, 300}}},
          {"dim72", 72, {{0, 40}, {1, 41}, {2, 300}}}};
}

std::string param_name(const ::testing::TestParamInfo<Param>& info) {
  const Types types = std::get<1>(info.param);
  return std::get<0>(info.param).name + "_" + name_of(std::get<1>(info.param).k) +
         (types.k == types.v ? "" : fmt::format("_{}", name_of(types.v)));
}

// Types of K and V that are alike.
auto types(const std::vector<KvType>& list) {
  std::vector<Types> types;
  for (const KvType type : list) types.push_back({type, type});
  return ::testing::ValuesIn(types);
}

INSTANTIATE_TEST_SUITE_P(Cases, AttentionTest,
                         ::testing::Combine(::testing::ValuesIn(cases()),
                                            types({KvType::kF32, KvType::kF16, KvType::kBF16,
                                                   KvType::kI16, KvType::kQ8_0, KvType::kQ4_0})),
                         param_name);
INSTANTIATE_TEST_SUITE_P(OddDims, AttentionTest,
                         ::testing::Combine(::testing::ValuesIn(odd_dims()),
                                            types({KvType::kF32, KvType::kF16, KvType::kBF16,
                                                   KvType::kI16})),
                         param_name);
INSTANTIATE_TEST_SUITE_P(MixedTypes, AttentionTest,
                         ::testing::Combine(::testing::Values(Case{
                                                "mixed_types", 64, {{0, 40}, {1, 41}, {2, 300}}}),
                                            ::testing::Values(Types{KvType::kQ8_0, KvType::kI16},
                                                              Types{KvType::kI16, KvType::kQ4_0},
                                                              Types{KvType::kF16, KvType::kI16},
                                                              Types{KvType::kQ4_0, KvType::kF32},
                                                              Types{KvType::kI16, KvType::kBF16})),
                         param_name);

}  // namespace
}  // namespace slip::test
