#include "ops/gemm_tuner.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/dispatch.h"

namespace slip {
namespace {

using Seconds = std::vector<std::vector<double>>;

bool same(const GemmTiling& a, const GemmTiling& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

TilingChoice choose(const Seconds& seconds) {
  return choose_tiling(seconds, seconds[0]);
}

TEST(ChooseTiling, TheFirstStaysUnlessAnotherIsClearlyFaster) {
  EXPECT_EQ(choose(Seconds{{1.0, 2.0}}).index, 0);
  const Seconds noise{{1.0, 2.0}, {0.98, 1.97}, {0.99, 1.95}};
  EXPECT_EQ(choose(noise).index, 0);
  EXPECT_EQ(choose(noise).gain, 0);
  EXPECT_EQ(choose(Seconds{{1.0, 2.0}, {1.2, 2.4}}).index, 0);
}

TEST(ChooseTiling, TheFastestOfThoseWins) {
  const TilingChoice choice = choose(Seconds{{1.0, 2.0}, {0.9, 1.8}, {0.8, 1.6}, {0.85, 1.7}});
  EXPECT_EQ(choice.index, 2);
  EXPECT_NEAR(choice.gain, 0.25, 1e-9);
}

TEST(ChooseTiling, OfThoseThatAreAlikeTheFirstListed) {
  EXPECT_EQ(choose(Seconds{{1.0, 2.0}, {0.9, 1.8}, {0.899, 1.799}, {1.0, 2.0}}).index, 1);
}

TEST(ChooseTiling, CasesCountAlikeHoweverLongTheyTake) {
  // Twice as fast in the short case, a tenth slower in the long one.
  const TilingChoice choice = choose(Seconds{{0.001, 1.0}, {0.0005, 1.1}});
  EXPECT_EQ(choice.index, 1);
  EXPECT_NEAR(choice.gain, 0.348, 1e-3);
  // The other way round it would cost as much.
  EXPECT_EQ(choose(Seconds{{0.0005, 1.1}, {0.001, 1.0}}).index, 0);
}

TEST(ChooseTiling, TheMoreNoiseTheMoreAnotherHasToGain) {
  const Seconds seconds{{1.0, 2.0}, {0.9, 1.8}};
  const std::vector<double> quiet{1.01, 2.0}, loud{1.05, 2.1}, faster{0.92, 1.84};
  EXPECT_EQ(choose_tiling(seconds, quiet).index, 1);
  EXPECT_EQ(choose_tiling(seconds, loud).index, 0);
  EXPECT_EQ(choose_tiling(seconds, faster).index, 0);
}

TEST(TuneGemm, FindsOneOfTheTablesTilings) {
  for (const KernelTable* table : available_kernels()) {
    const auto tuned = tune_gemm(*table);
    if (!tuned) {  // a machine too busy or slow, as under a sanitizer
      EXPECT_EQ(tuned.error().kind, ErrorKind::kLimit);
      continue;
    }
    for (const TunedTiling& found : {tuned->fine.few_rows, tuned->fine.many_rows,
                                     tuned->coarse.few_rows, tuned->coarse.many_rows}) {
      int index = -1;
      for (int i = 0; i < table->n_tilings; ++i) {
        if (same(found.tiling, table->tilings[i])) index = i;
      }
      EXPECT_GE(index, 0) << table->isa;
      EXPECT_TRUE(index == 0 ? found.gain == 0 : found.gain >= 0.03) << table->isa;
    }
  }
}

TEST(TuneGemm, TheTableTakesThem) {
  const KernelTable& table = *available_kernels().back();
  GemmTiling few = table.tilings[0], many = table.tilings[0];
  few.direct_rows = 3;
  many.panel_blocks = 7;
  const KernelTable tuned =
      with_tilings(table, {.fine = {.few_rows = {.tiling = few}, .many_rows = {.tiling = many}},
                           .coarse = {.few_rows = {.tiling = many}, .many_rows = {.tiling = few}}});
  EXPECT_TRUE(same(tuned.fine.few_rows, few));
  EXPECT_TRUE(same(tuned.fine.many_rows, many));
  EXPECT_TRUE(same(tuned.coarse.few_rows, many));
  EXPECT_TRUE(same(tuned.coarse.many_rows, few));
  EXPECT_EQ(tuned.qgemm, table.qgemm);
}

}  // namespace
}  // namespace slip
