#include "compress/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

constexpr std::string_view kText = "hello, the whale hails all";  // one token a byte, or fewer

class Calibrate : public testing::Test {
 protected:
  Result<Imatrix> run(CalibrateOptions options, int n_threads = 2, std::string_view text = kText) {
    const auto runtime = Runtime::create({.n_threads = n_threads}).value();
    options.weights.arithmetic = arithmetic_;
    return calibrate_model(model_, text, options, *runtime);
  }
  void expect_failure(const CalibrateOptions& options, std::string_view text) {
    const auto result = run(options);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
  }

  test::TempDir dir_;
  std::filesystem::path model_ = dir_ / "m.gguf";
  Arithmetic arithmetic_ = Arithmetic::kExact;
};

// The first layer's input is known without a forward pass: normalised rows of the table.
TEST_F(Calibrate, SumsWhatTheFirstLayerIsGiven) {
  test::tiny_llama().write(model_);
  const auto source = open_model(model_).value();
  const auto tokenizer = source->make_tokenizer().value();
  auto tokens = tokenizer->encode(kText, {.add_special = true, .parse_special = false});
  tokens.resize(tokens.size() / 4 * 4);
  if (tokenizer->adds_bos()) {
    for (std::size_t i = 0; i < tokens.size(); i += 4) tokens[i] = tokenizer->bos_id();
  }
  const std::vector<float> norm = to_floats(*source->find("blk.0.attn_norm.weight"));
  std::vector<double> expected(norm.size());
  for (const std::int32_t token : tokens) {
    const std::vector<float> x =
        to_floats(slice_rows(*source->find("token_embd.weight"), token, 1));
    double squares = 0;
    for (const float value : x) squares += double{value} * double{value};
    const double mean = squares / static_cast<double>(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      expected[i] += std::pow(double{x[i]} * double{norm[i]}, 2) / (mean + 1e-5);
    }
  }
  for (const Arithmetic arithmetic : {Arithmetic::kExact, Arithmetic::kFast}) {
    arithmetic_ = arithmetic;
    const Imatrix imatrix = run({.window = 4}).value();
    EXPECT_EQ(imatrix.n_chunks * 4, std::ssize(tokens));
    EXPECT_EQ(imatrix.chunk_size, 4);
    for (const char* stem : {"attn_q", "attn_k", "attn_v"}) {
      const InputSums& sums = imatrix.sums.at("blk.0." + std::string(stem) + ".weight");
      EXPECT_EQ(sums.n_inputs, std::ssize(tokens));
      ASSERT_EQ(sums.squares.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(sums.squares[i], expected[i], 1e-4 * expected[i] + 1e-9) << i;
      }
    }
  }
}

TEST_F(Calibrate, KnowsEveryMatrixOnAnyNumberOfThreads) {
  for (const bool is_tied : {false, true}) {
    test::tiny_llama({.tied_embeddings = is_tied}).write(model_);
    const Imatrix one = run({.window = 8}, 1).value(), three = run({.window = 8}, 3).value();
    EXPECT_EQ(one.sums.size(), 2u * 7u + 1u);
    EXPECT_EQ(one.sums.contains("token_embd.weight"), is_tied);
    EXPECT_EQ(one.sums.contains("output.weight"), !is_tied);
    for (const auto& [name, sums] : one.sums) {
      EXPECT_EQ(sums.squares, three.sums.at(name).squares) << name;
      EXPECT_EQ(sums.n_inputs, one.n_chunks * 8) << name;
      double total = 0;
      for (const double square : sums.squares) total += square;
      EXPECT_GT(total, 0) << name;
    }
    EXPECT_EQ(one.sums.at("blk.1.ffn_down.weight").squares.size(), 128u);
  }
}

TEST_F(Calibrate, ReadsAsManyWindowsAsAskedFor) {
  test::tiny_llama().write(model_);
  CalibrateOptions options{.window = 4, .max_windows = 2};
  std::int64_t last = 0;
  options.on_window = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 2);
    EXPECT_EQ(done, ++last);
  };
  EXPECT_EQ(run(options).value().n_chunks, 2);
  EXPECT_EQ(last, 2);
}

TEST_F(Calibrate, SaysWhatIsWrong) {
  expect_failure({.window = 4}, "m.gguf");
  test::tiny_llama().write(model_);
  expect_failure({.window = 100}, "expected at least one window of 100 tokens");
  expect_failure({.window = 4, .max_windows = 0}, "at least one window");
  expect_failure({.window = 257}, "expected 1 … 256 tokens");
  const std::atomic<bool> cancel{true};
  CalibrateOptions options{.window = 4};
  options.cancel = &cancel;
  expect_failure(options, "cancelled");
}

}  // namespace
}  // namespace slip
