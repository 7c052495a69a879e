// Attention over pages: however the work is shared out, the result is the same.
#include "ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/rng.h"
#include "kernels/dispatch.h"

namespace slip {
namespace {

std::vector<float> random_floats(std::size_t n, std::uint64_t seed) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<float>(random_bits(seed, i) % 2001) / 1000.0F - 1.0F;
  }
  return x;
}

// Sequences of some lengths, whose last rows attend.
struct Setup {
  int n_heads = 6;
  int n_kv_heads = 2;
  int head_dim = 40;
  int window = 0;
  std::vector<int> lengths;
  int n_rows = 1;  // of each sequence
  bool is_transformed = false;
  bool is_rotated = false;
};

class Attention {
 public:
  explicit Attention(const Setup& setup)
      : setup_(setup),
        kernels_(*default_kernels().value()),
        memory_(AlignedBuffer::allocate(n_pages() * page_bytes()).value()) {
    std::int32_t next = 0;
    for (const int length : setup.lengths) {
      auto& pages = pages_.emplace_back((length + kKvPageTokens - 1) / kKvPageTokens);
      std::iota(pages.begin(), pages.end(), next);
      next += static_cast<std::int32_t>(pages.size());
    }
    for (std::size_t s = 0; s < pages_.size(); ++s) {
      const std::int64_t begin = std::ssize(positions_);
      for (int i = setup.lengths[s] - setup.n_rows; i < setup.lengths[s]; ++i) {
        positions_.push_back(i);
      }
      runs_.push_back({begin, std::ssize(positions_), pages_[s]});
    }
  }

  // Out, and then every page.
  std::vector<float> run(int n_threads, bool transforms_before = false) {
    fill_pages();
    ThreadPool pool(n_threads);
    const int longest = *std::max_element(setup_.lengths.begin(), setup_.lengths.end());
    OpContext ctx = OpContext::create(pool, kernels_,
                                      attention_scratch_bytes({.n_ctx = longest,
                                                               .n_heads = setup_.n_heads,
                                                               .n_kv_heads = setup_.n_kv_heads,
                                                               .head_dim = setup_.head_dim}))
                        .value();
    const auto width = static_cast<std::size_t>(setup_.n_heads * setup_.head_dim);
    const auto kv_width = static_cast<std::size_t>(setup_.n_kv_heads * setup_.head_dim);
    auto q = random_floats(positions_.size() * width, 2);
    auto k = random_floats(positions_.size() * kv_width, 3);
    auto v = random_floats(positions_.size() * kv_width, 4);
    HeadTransform of_q = transform(), of_k = of_q;
    if (transforms_before) {
      transform_all(ctx, of_q, q);
      transform_all(ctx, of_k, k);
      of_q = of_k = {};
    }
    std::vector<float> out(positions_.size() * width);
    attend(ctx, layout(), {.n_heads = setup_.n_heads, .window = setup_.window, .scale = 0.2F},
           {.runs = runs_,
            .positions = positions_,
            .q = q.data(),
            .k = k.data(),
            .v = v.data(),
            .q_stride = static_cast<std::int64_t>(width),
            .kv_stride = static_cast<std::int64_t>(kv_width),
            .of_q = of_q,
            .of_k = of_k,
            .of_v = {.is_rotated = setup_.is_rotated}},
           out);
    out.insert(out.end(), memory_.as<float>(),
               memory_.as<float>() + memory_.size() / sizeof(float));
    return out;
  }

  // Softmax attention in double over what the pages then hold, by definition.
  double largest_error(const std::vector<float>& got) {
    const auto width = static_cast<std::size_t>(setup_.n_heads * setup_.head_dim);
    ThreadPool pool(1);
    OpContext ctx = OpContext::create(pool, kernels_, {}).value();
    auto q = random_floats(positions_.size() * width, 2);
    transform_all(ctx, transform(), q);
    double worst = 0;
    for (const AttentionRun& run : runs_) {
      for (std::int64_t row = run.row_begin; row < run.row_end; ++row) {
        for (int head = 0; head < setup_.n_heads; ++head) {
          const std::size_t at = static_cast<std::size_t>(row) * width +
                                 static_cast<std::size_t>(head * setup_.head_dim);
          std::vector<float> want = attended(run, row, head, &q[at]);
          if (setup_.is_rotated) kernels_.hadamard(want.data(), setup_.head_dim);
          for (std::size_t i = 0; i < want.size(); ++i) {
            worst = std::max(worst, std::abs(double{want[i]} - double{got[at + i]}));
          }
        }
      }
    }
    return worst;
  }

 private:
  HeadTransform transform() {
    if (!setup_.is_transformed) return {};
    const auto half = static_cast<std::size_t>(setup_.head_dim / 2);
    cos_ = random_floats(positions_.size() * half, 5);
    sin_ = random_floats(positions_.size() * half, 6);
    weight_ = random_floats(2 * half, 7);
    ropes_ = {.cos = cos_, .sin = sin_, .n_rot = setup_.head_dim};
    return {.norm = {.weight = weight_, .eps = 1e-5F},
            .rope = &ropes_,
            .is_rotated = setup_.is_rotated};
  }
  void transform_all(const OpContext& ctx, const HeadTransform& transform,
                     std::vector<float>& heads) const {
    const auto dim = static_cast<std::size_t>(setup_.head_dim);
    const std::size_t of_row = heads.size() / positions_.size();
    for (std::size_t at = 0; at < heads.size(); at += dim) {
      transform_head(ctx, transform, static_cast<std::int64_t>(at / of_row), {&heads[at], dim});
    }
  }
  std::vector<float> attended(const AttentionRun& run, std::int64_t row, int head, const float* q) {
    const KvLayout kv = layout();
    const int kv_head = head / (setup_.n_heads / setup_.n_kv_heads), dim = setup_.head_dim;
    const std::int32_t last = positions_[static_cast<std::size_t>(row)];
    const std::int32_t first = setup_.window > 0 ? std::max(0, last - setup_.window + 1) : 0;
    std::vector<double> sums(static_cast<std::size_t>(dim));
    double total = 0;
    for (std::int32_t j = first; j <= last; ++j) {
      const std::int32_t page = run.pages[static_cast<std::size_t>(j / kKvPageTokens)];
      const int slot = j % kKvPageTokens;
      const auto* k = reinterpret_cast<const float*>(kv.keys(page, kv_head)) + slot / 16 * dim * 16;
      const auto* v = reinterpret_cast<const float*>(kv.values(page, kv_head)) + slot * dim;
      double score = 0;
      for (int i = 0; i < dim; ++i) score += double{q[i]} * double{k[i * 16 + slot % 16]};
      const double p = std::exp(0.2 * score);
      total += p;
      for (int i = 0; i < dim; ++i) sums[static_cast<std::size_t>(i)] += p * double{v[i]};
    }
    std::vector<float> result;
    for (const double sum : sums) result.push_back(static_cast<float>(sum / total));
    return result;
  }
  std::size_t n_pages() const {
    std::size_t n = 0;
    for (const int length : setup_.lengths) {
      n += static_cast<std::size_t>((length + kKvPageTokens - 1) / kKvPageTokens);
    }
    return n;
  }
  std::size_t page_bytes() const {
    return 2 * static_cast<std::size_t>(setup_.n_kv_heads) *
           kv_head_bytes(KvType::kF32, setup_.head_dim);
  }
  KvLayout layout() {
    return {.k_type = KvType::kF32,
            .v_type = KvType::kF32,
            .n_kv_heads = setup_.n_kv_heads,
            .head_dim = setup_.head_dim,
            .base = memory_.data(),
            .page_bytes = static_cast<std::int64_t>(page_bytes())};
  }
  // F32 pages hold plain numbers: any will do.
  void fill_pages() {
    const auto x = random_floats(memory_.size() / sizeof(float), 1);
    std::copy(x.begin(), x.end(), memory_.as<float>());
  }

  Setup setup_;
  const KernelTable& kernels_;
  AlignedBuffer memory_;
  std::vector<std::vector<std::int32_t>> pages_;
  std::vector<std::int32_t> positions_;
  std::vector<AttentionRun> runs_;
  std::vector<float> cos_, sin_, weight_;
  RopeTables ropes_;
};

class AttendTest : public ::testing::TestWithParam<Setup> {};

// One thread takes every context whole; several share it out where there is little else to do.
TEST_P(AttendTest, AnyNumberOfThreadsGivesTheSameBits) {
  Attention attention(GetParam());
  const auto want = attention.run(1);
  for (const int n_threads : {2, 3, 7}) EXPECT_EQ(attention.run(n_threads), want) << n_threads;
  EXPECT_LT(attention.largest_error(want), 1e-5);
}

TEST_P(AttendTest, HeadsTransformedBeforeGiveTheSameBits) {
  auto setup = GetParam();
  setup.is_transformed = true;
  setup.is_rotated = (setup.head_dim & (setup.head_dim - 1)) == 0;
  Attention attention(setup);
  const auto want = attention.run(1, /*transforms_before=*/true);
  for (const int n_threads : {1, 2, 7}) EXPECT_EQ(attention.run(n_threads), want) << n_threads;
  EXPECT_LT(attention.largest_error(want), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttendTest,
    ::testing::Values(Setup{.lengths = {5}}, Setup{.lengths = {256}}, Setup{.lengths = {257}},
                      Setup{.lengths = {3000}}, Setup{.lengths = {3000}, .n_rows = 5},
                      Setup{.lengths = {2562}, .n_rows = 5},  // over the border of two blocks
                      Setup{.window = 700, .lengths = {3000}},
                      Setup{.window = 20, .lengths = {2060}, .n_rows = 30},
                      Setup{.lengths = {2000, 3, 900}}, Setup{.lengths = {1500}, .n_rows = 70},
                      Setup{.n_heads = 3, .n_kv_heads = 3, .head_dim = 64, .lengths = {5000}},
                      Setup{.n_heads = 4, .n_kv_heads = 1, .head_dim = 256, .lengths = {1025}}));

}  // namespace
}  // namespace slip
