// What tuning found is kept in a file, and a file that isn't for these kernels doesn't count.
#include "model/gemm_record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "kernels/dispatch.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

constexpr GemmTiling kTilings[] = {
    {.direct_rows = 4,
     .tile_columns = 6,
     .panel_blocks = 24,
     .sweep_kib = 512,
     .ahead = 1,
     .order = 0},
    {.direct_rows = 8,
     .tile_columns = 4,
     .panel_blocks = 16,
     .sweep_kib = 256,
     .ahead = 0,
     .order = 1},
};

class GemmRecord : public ::testing::Test {
 protected:
  GemmRecord() : kernels_(*kernels_by_name("ref").value()) {
    kernels_.tilings = kTilings;
    kernels_.n_tilings = 2;
    kernels_.fine = kernels_.coarse = {kTilings[0], kTilings[0]};
  }

  TunedGemm tuned() const {
    return {.fine = {.few_rows = {.tiling = kTilings[1], .gain = 0.125},
                     .many_rows = {.tiling = kTilings[0], .gain = 0}},
            .coarse = {.few_rows = {.tiling = kTilings[0], .gain = 0},
                       .many_rows = {.tiling = kTilings[1], .gain = 0.25}}};
  }
  fs::path file() const { return records_.file_of(kernels_); }
  std::string text() const {
    std::ifstream in(file());
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  void write_text(const std::string& text) const { std::ofstream(file()) << text; }

  static bool same(const TunedTiling& a, const TunedTiling& b) {
    return std::memcmp(&a.tiling, &b.tiling, sizeof a.tiling) == 0 && a.gain == b.gain;
  }

  test::TempDir folder_;
  KernelTable kernels_;
  GemmRecords records_{folder_.path()};
};

TEST_F(GemmRecord, IsReadAsItWasWritten) {
  EXPECT_FALSE(records_.read(kernels_).has_value());
  ASSERT_TRUE(records_.write(kernels_, tuned()).has_value());
  const auto read = records_.read(kernels_);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(same(read->fine.few_rows, tuned().fine.few_rows));
  EXPECT_TRUE(same(read->fine.many_rows, tuned().fine.many_rows));
  EXPECT_TRUE(same(read->coarse.few_rows, tuned().coarse.few_rows));
  EXPECT_TRUE(same(read->coarse.many_rows, tuned().coarse.many_rows));
}

TEST_F(GemmRecord, OfOtherKernelsDoesntCount) {
  ASSERT_TRUE(records_.write(kernels_, tuned()).has_value());
  KernelTable fewer = kernels_;
  fewer.n_tilings = 1;  // the choice is gone
  EXPECT_FALSE(records_.read(fewer).has_value());
  KernelTable other = kernels_;
  other.isa = "other";
  EXPECT_FALSE(records_.read(other).has_value());
  fs::copy_file(file(), records_.file_of(other));
  EXPECT_FALSE(records_.read(other).has_value());
}

TEST_F(GemmRecord, DamagedOneDoesntCount) {
  ASSERT_TRUE(records_.write(kernels_, tuned()).has_value());
  const std::string good = text();
  for (std::size_t n = 0; n + 2 < good.size(); ++n) {
    write_text(good.substr(0, n));
    const auto read = records_.read(kernels_);
    // Cut within the last number, it is that of another gain.
    EXPECT_TRUE(!read || n > good.rfind("gain")) << n;
  }
  for (const char* part : {"version 2", "cpu: ", "16 bits", "direct_rows 8", "panel_blocks 24",
                           "order 1", "gain 0.125"}) {
    std::string bad = good;
    const auto at = bad.find(part);
    ASSERT_NE(at, std::string::npos) << part;
    bad.insert(at + std::strlen(part) - 1, 1, 'x');
    write_text(bad);
    EXPECT_FALSE(records_.read(kernels_).has_value()) << part;
  }
  write_text(std::string(100000, 'x'));
  EXPECT_FALSE(records_.read(kernels_).has_value());
}

TEST_F(GemmRecord, AreRemovedAlone) {
  ASSERT_TRUE(records_.write(kernels_, tuned()).has_value());
  std::ofstream(folder_.path() / "model.pack") << "x";
  const auto names = records_.remove_all();
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(*names, std::vector<std::string>{"gemm-ref.tuning"});
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_TRUE(fs::exists(folder_.path() / "model.pack"));
  EXPECT_TRUE(GemmRecords(folder_.path() / "none").remove_all()->empty());
}

TEST_F(GemmRecord, TheKernelsTakeIt) {
  ASSERT_TRUE(records_.write(kernels_, tuned()).has_value());
  const PackCache cache(folder_.path(), 1 << 30);
  const KernelTable with = tuned_kernels(kernels_, cache, 0);
  EXPECT_EQ(with.fine.few_rows.direct_rows, 8);
  EXPECT_EQ(with.fine.many_rows.direct_rows, 4);
  EXPECT_EQ(with.coarse.few_rows.direct_rows, 4);
  EXPECT_EQ(with.coarse.many_rows.direct_rows, 8);
  EXPECT_EQ(tuned_kernels(kernels_, std::nullopt, 0).fine.few_rows.direct_rows, 4);
  EXPECT_EQ(tuned_kernels(kernels_, PackCache(folder_.path(), 0), 0).fine.few_rows.direct_rows, 4);
}

TEST_F(GemmRecord, IsMadeOnlyWhereMuchWasPacked) {
  const KernelTable& kernels = *available_kernels().back();
  const PackCache cache(folder_.path(), 1 << 30);
  tuned_kernels(kernels, cache, 0);
  tuned_kernels(kernels, cache, 1 << 20);
  EXPECT_FALSE(fs::exists(records_.file_of(kernels)));
  const KernelTable tuned = tuned_kernels(kernels, cache, 1 << 28);
  if (kernels.n_tilings == 1) return;
  const auto read = records_.read(kernels);
  // A machine too busy or slow for tuning, as under a sanitizer, leaves no record.
  const KernelTable expected = read ? with_tilings(kernels, *read) : kernels;
  EXPECT_EQ(std::memcmp(&expected.fine, &tuned.fine, sizeof tuned.fine), 0);
  EXPECT_EQ(std::memcmp(&expected.coarse, &tuned.coarse, sizeof tuned.coarse), 0);
  // A folder that can't be written to costs nothing but the record.
  std::ofstream(folder_.path() / "file") << "x";
  tuned_kernels(kernels, PackCache(folder_.path() / "file", 1 << 30), 1 << 28);
}

}  // namespace
}  // namespace slip
