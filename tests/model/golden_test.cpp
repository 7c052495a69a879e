// Logits of tiny models of every family against transformers (tests/data/golden/README.md), from
// both file formats, in exact arithmetic.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>

#include "formats/gguf.h"
#include "model/cpu_runner.h"
#include "model/source.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

// The goal is 1e-3; both sides' rounding in float32 makes about 1e-6.
constexpr double kTolerance = 1e-4;

struct GoldenCase {
  std::string name;  // of the test
  std::string model;
  std::string variant = {};  // config_<variant>.json and logits_<variant>.bin; safetensors only
  int n_tokens = 40;
  // What the run allows for: decides which factors LongRoPE and dynamic NTK take. The reference
  // decides by the length of the text.
  int n_ctx = 40;

  friend void PrintTo(const GoldenCase& c, std::ostream* out) { *out << c.name; }
};

const std::vector<GoldenCase> kCases = {
    {.name = "gemma2", .model = "gemma2"},
    {.name = "gemma3", .model = "gemma3"},
    {.name = "llama", .model = "llama"},
    {.name = "llama3", .model = "llama3"},
    {.name = "mistral", .model = "mistral"},
    {.name = "phi3", .model = "phi3"},
    {.name = "phi3_long", .model = "phi3-long"},
    {.name = "phi3_short", .model = "phi3-long", .variant = "short", .n_tokens = 32, .n_ctx = 32},
    {.name = "qwen2", .model = "qwen2"},
    {.name = "qwen3", .model = "qwen3"},
    {.name = "gemma2_scalar", .model = "gemma2", .variant = "scalar"},
    {.name = "llama_dynamic", .model = "llama", .variant = "dynamic"},
    {.name = "llama_linear", .model = "llama", .variant = "linear"},
    {.name = "llama_yarn", .model = "llama", .variant = "yarn"},
    {.name = "qwen2_window", .model = "qwen2", .variant = "window"},
};

fs::path golden(const std::string& name) {
  return fs::path(SLIP_TEST_DATA) / "golden" / name;
}

std::vector<std::int32_t> golden_tokens(int n) {
  std::ifstream file(golden("tokens.txt"));
  std::vector<std::int32_t> tokens;
  for (std::int32_t token = 0; file >> token;) tokens.push_back(token);
  tokens.resize(static_cast<std::size_t>(n));
  return tokens;
}

std::vector<float> golden_logits(const GoldenCase& c) {
  const std::string name = c.variant.empty() ? "logits.bin" : "logits_" + c.variant + ".bin";
  const std::string bytes = test::read_file(golden(c.model) / name);
  std::vector<float> logits(bytes.size() / sizeof(float));
  std::memcpy(logits.data(), bytes.data(), bytes.size());
  return logits;
}

// Logits of every position, [n_tokens][n_vocab].
Result<std::vector<float>> run(const fs::path& path, const GoldenCase& c) {
  ThreadPool pool(2);
  std::shared_ptr<const ModelSource> source = SLIP_TRY(open_model(path));
  const auto weights = SLIP_TRY(ModelWeights::load(source, {Arithmetic::kExact}, pool));
  const auto runner =
      SLIP_TRY(make_cpu_runner(weights, pool,
                               {.n_ctx = c.n_ctx,
                                .max_rows = c.n_ctx,
                                .kv = {.k_type = KvType::kF32, .v_type = KvType::kF32}}));
  std::vector<std::int32_t> pages(static_cast<std::size_t>(runner->kv().n_pages()));
  std::iota(pages.begin(), pages.end(), 0);
  const std::span<const std::int32_t> tables[] = {pages};
  std::vector<BatchRow> rows;
  for (const std::int32_t token : golden_tokens(c.n_tokens)) {
    rows.push_back({.token = token,
                    .position = static_cast<std::int32_t>(rows.size()),
                    .output = RowOutput::kLogits});
  }
  const ForwardOutput out = SLIP_TRY(runner->run({.rows = rows, .page_tables = tables}));
  return std::vector<float>(out.logits.begin(), out.logits.end());
}

void expect_golden(const std::vector<float>& got, const std::vector<float>& want, int n_tokens) {
  ASSERT_EQ(got.size(), want.size());
  const std::size_t n_vocab = want.size() / static_cast<std::size_t>(n_tokens);
  double worst = 0;
  for (std::size_t t = 0; t < want.size(); t += n_vocab) {
    double error = 0, norm = 0;
    for (std::size_t i = t; i < t + n_vocab; ++i) {
      error += std::pow(double{got[i]} - want[i], 2);
      norm += std::pow(double{want[i]}, 2);
    }
    worst = std::max(worst, std::sqrt(error / norm));
    const auto best = [&](const std::vector<float>& logits) {
      const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(t);
      return std::max_element(begin, begin + static_cast<std::ptrdiff_t>(n_vocab)) - begin;
    };
    EXPECT_EQ(best(got), best(want)) << "position " << t / n_vocab;
  }
  EXPECT_LE(worst, kTolerance);
  testing::Test::RecordProperty("relative_error", fmt::format("{:.1e}", worst));
}

class Golden : public testing::TestWithParam<GoldenCase> {};

TEST_P(Golden, SafetensorsLogits) {
  const GoldenCase& c = GetParam();
  const test::TempDir dir;
  const auto options = fs::copy_options::recursive | fs::copy_options::overwrite_existing;
  fs::copy(golden(c.model), dir.path(), options);
  const fs::path config = dir / ("config_" + c.variant + ".json");
  if (fs::exists(config)) fs::copy_file(config, dir / "config.json", options);
  const auto logits = run(dir.path(), c);
  ASSERT_TRUE(logits) << logits.error().message;
  expect_golden(*logits, golden_logits(c), c.n_tokens);
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(kCases),
                         [](const auto& c) { return c.param.name; });

using Keys = std::vector<std::pair<std::string, MetaValue>>;

// What a GGUF file of a variant says otherwise than model.gguf; none for those that GGUF has no
// keys for.
std::optional<Keys> gguf_keys(const GoldenCase& c) {
  if (c.variant.empty() || c.variant == "short") return Keys{};
  if (c.name == "llama_linear") {
    return Keys{{"llama.rope.scaling.type", std::string("linear")},
                {"llama.rope.scaling.factor", 4.0f}};
  }
  if (c.name == "llama_yarn") {
    return Keys{{"llama.rope.scaling.type", std::string("yarn")},
                {"llama.rope.scaling.factor", 4.0f},
                {"llama.rope.scaling.original_context_length", std::uint32_t{32}}};
  }
  return {};
}

std::vector<GoldenCase> gguf_cases() {
  std::vector<GoldenCase> cases = kCases;
  std::erase_if(cases, [](const GoldenCase& c) { return !gguf_keys(c); });
  return cases;
}

// model.gguf with other keys.
void write_changed(const GoldenCase& c, const Keys& keys, const fs::path& path) {
  const auto file = GgufFile::open(golden(c.model) / "model.gguf");
  ASSERT_TRUE(file) << file.error().message;
  test::GgufBuilder changed;
  for (const auto& entry : file->metadata().entries()) changed.meta(entry.key, entry.value);
  for (const auto& [key, value] : keys) changed.meta(key, value);
  for (const TensorView& tensor : file->tensors()) {
    changed.tensor(tensor.name, tensor.dtype, tensor.shape,
                   {tensor.bytes.begin(), tensor.bytes.end()});
  }
  changed.write(path);
}

class GoldenGguf : public testing::TestWithParam<GoldenCase> {};

TEST_P(GoldenGguf, Logits) {
  const GoldenCase& c = GetParam();
  const test::TempDir dir;
  write_changed(c, *gguf_keys(c), dir / "model.gguf");
  const auto logits = run(dir / "model.gguf", c);
  ASSERT_TRUE(logits) << logits.error().message;
  expect_golden(*logits, golden_logits(c), c.n_tokens);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenGguf, testing::ValuesIn(gguf_cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace slip
