// Attention over pages: however the work is shared out, the result is the same.
#include "ops/attention.h"

#include <gtest/gtest.h>

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
    fill_pages();
  }

  std::vector<float> run(int n_threads) {
    ThreadPool pool(n_threads);
    const int longest = *std::max_element(setup_.lengths.begin(), setup_.lengths.end());
    OpContext ctx = OpContext::create(pool, kernels_,
                                      attention_scratch_bytes({.n_ctx = longest,
                                                               .n_heads = setup_.n_heads,
                                                               .n_kv_heads = setup_.n_kv_heads,
                                                               .head_dim = setup_.head_dim}))
                        .value();
    const std::size_t width = static_cast<std::size_t>(setup_.n_heads * setup_.head_dim);
    const auto q = random_floats(positions_.size() * width, 2);
    std::vector<float> out(positions_.size() * width);
    attend(ctx, layout(), {.n_heads = setup_.n_heads, .window = setup_.window, .scale = 0.2F},
           {.runs = runs_,
            .positions = positions_,
            .q = q.data(),
            .q_stride = static_cast<std::int64_t>(width)},
           out);
    return out;
  }

 private:
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
};

class AttendTest : public ::testing::TestWithParam<Setup> {};

// One thread takes every context whole; several share it out where there is little else to do.
TEST_P(AttendTest, AnyNumberOfThreadsGivesTheSameBits) {
  Attention attention(GetParam());
  const auto want = attention.run(1);
  for (const int n_threads : {2, 3, 7}) EXPECT_EQ(attention.run(n_threads), want) << n_threads;
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttendTest,
    ::testing::Values(Setup{.lengths = {5}}, Setup{.lengths = {256}}, Setup{.lengths = {257}},
                      Setup{.lengths = {3000}}, Setup{.lengths = {3000}, .n_rows = 5},
                      Setup{.window = 700, .lengths = {3000}},
                      Setup{.window = 20, .lengths = {2060}, .n_rows = 30},
                      Setup{.lengths = {2000, 3, 900}}, Setup{.lengths = {1500}, .n_rows = 70},
                      Setup{.n_heads = 3, .n_kv_heads = 3, .head_dim = 64, .lengths = {5000}},
                      Setup{.n_heads = 4, .n_kv_heads = 1, .head_dim = 256, .lengths = {1025}}));

}  // namespace
}  // namespace slip
