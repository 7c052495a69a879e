#include "compress/imatrix.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using test::GgufBuilder;
using test::TempDir;

GgufBuilder file_of(std::vector<float> squares, std::vector<float> counts) {
  GgufBuilder builder;
  builder.meta("general.type", std::string("imatrix"));
  const auto n = static_cast<std::int64_t>(squares.size());
  const auto n_counts = static_cast<std::int64_t>(counts.size());
  builder.tensor("blk.0.attn_q.weight.in_sum2", {n / n_counts, n_counts}, squares);
  return builder.tensor("blk.0.attn_q.weight.counts", {1, n_counts}, counts);
}

TEST(Imatrix, ComesBackAsWritten) {
  const TempDir dir;
  Imatrix written{.sums = {}, .datasets = {"a.txt", "b.txt"}, .n_chunks = 7, .chunk_size = 512};
  written.sums["blk.0.attn_q.weight"] = {.squares = {2, 4, 0.5}, .n_inputs = 4};
  written.sums["output.weight"] = {.squares = {1}, .n_inputs = 0};
  ASSERT_TRUE(write_imatrix(dir / "i.gguf", written));
  const Imatrix read = read_imatrix(dir / "i.gguf").value();
  EXPECT_EQ(read.datasets, written.datasets);
  EXPECT_EQ(read.n_chunks, 7);
  EXPECT_EQ(read.chunk_size, 512);
  ASSERT_EQ(read.sums.size(), 2u);
  EXPECT_EQ(read.sums.at("blk.0.attn_q.weight").squares, (std::vector<double>{2, 4, 0.5}));
  EXPECT_EQ(read.importance("blk.0.attn_q.weight"), (std::vector<float>{0.5, 1, 0.125}));
  EXPECT_EQ(read.importance("output.weight"), std::vector<float>{1});  // met nothing
  EXPECT_TRUE(read.importance("blk.1.attn_q.weight").empty());
}

TEST(Imatrix, RefusesOtherFiles) {
  const TempDir dir;
  const auto expect_failure = [&](const GgufBuilder& builder, std::string_view text) {
    builder.write(dir / "i.gguf");
    const auto result = read_imatrix(dir / "i.gguf");
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().message.find("i.gguf"), std::string::npos) << result.error().message;
  };
  expect_failure(test::tiny_llama(), "expected 'imatrix'");
  expect_failure(GgufBuilder().meta("general.type", std::string("imatrix")), "got none");
  expect_failure(GgufBuilder()
                     .meta("general.type", std::string("imatrix"))
                     .tensor("x.in_sum2", {2, 1}, {1, 1}),
                 "expected its counts");
  expect_failure(file_of({1, -1}, {1}), "a value that is none");
  expect_failure(file_of({1, 1}, {std::numeric_limits<float>::quiet_NaN()}), "that is none");
  expect_failure(file_of({1, 1}, {1, 1}), "got several");
  EXPECT_FALSE(read_imatrix(dir / "nowhere.gguf"));
  EXPECT_FALSE(read_imatrix(dir.write("torn.gguf", "GGUF")));
}

}  // namespace
}  // namespace slip
