#include "compress/prune/prune.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compress/prune/activations.h"
#include "compress/prune/cut.h"
#include "compress/prune/importance.h"
#include "compress/prune/repair.h"
#include "formats/gguf.h"
#include "model/families/family.h"
#include "model/source.h"
#include "quant/quant_format.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using test::GgufBuilder;
using test::read_file;
using test::TempDir;

std::vector<float> values_of(const GgufFile& file, const std::string& name) {
  const TensorView* tensor = file.find(name);
  if (tensor == nullptr) return {};
  std::vector<float> values(static_cast<std::size_t>(tensor->n_elements()));
  for (std::int64_t i = 0; i < tensor->n_rows(); ++i) {
    decode_row(tensor->dtype, tensor->row(i), tensor->n_cols(),
               values.data() + i * tensor->n_cols());
  }
  return values;
}

class Prune : public testing::Test {
 protected:
  void SetUp() override { test::tiny_llama({.n_layers = 4}).write(source_); }

  Result<PruneReport> run(PruneOptions options, int n_threads = 2) {
    options.existing = Existing::kReplace;
    ThreadPool pool(n_threads);
    return prune_model(source_, target_, options, pool);
  }
  void expect_failure(const PruneOptions& options, std::string_view text) {
    std::filesystem::remove(target_);
    const auto result = run(options);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
    EXPECT_FALSE(std::filesystem::exists(target_));
  }
  // The source and the target, with every layer's matrices encoded as `type`.
  void encode_source(DType type) {
    const GgufFile file = *GgufFile::open(source_);
    GgufBuilder builder;
    for (const auto& entry : file.metadata().entries()) builder.meta(entry.key, entry.value);
    for (const TensorView& tensor : file.tensors()) {
      const std::vector<float> values = values_of(file, tensor.name);
      if (tensor.n_rows() == 1 || !tensor.name.starts_with("blk.")) {
        builder.tensor(tensor.name, tensor.shape, values);
        continue;
      }
      TensorView encoded = tensor;
      encoded.dtype = type;
      std::vector<std::byte> bytes(static_cast<std::size_t>(encoded.row_bytes() * tensor.n_rows()));
      for (std::int64_t i = 0; i < tensor.n_rows(); ++i) {
        ASSERT_TRUE(encode_row(type, values.data() + i * tensor.n_cols(), tensor.n_cols(),
                               bytes.data() + i * encoded.row_bytes()));
      }
      builder.tensor(tensor.name, type, tensor.shape, bytes);
    }
    source_ = dir_ / "encoded.gguf";
    builder.write(source_);
  }

  TempDir dir_;
  std::filesystem::path source_ = dir_ / "in.gguf";
  std::filesystem::path target_ = dir_ / "out.gguf";
};

TEST_F(Prune, LeavesLayersOut) {
  const auto report = run({.layers = {2, 1}});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->layers, (std::vector<int>{1, 2}));
  EXPECT_EQ(report->n_layers, 2);
  const GgufFile before = *GgufFile::open(source_), after = *GgufFile::open(target_);
  EXPECT_EQ(after.metadata().integer("llama.block_count"), 2);
  EXPECT_EQ(after.metadata().integers("slipstream.prune.layers"),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(after.metadata().string("slipstream.parent.hash"), report->parent_hash);
  EXPECT_EQ(before.tensors().size() - after.tensors().size(), 2u * 9);
  for (const char* stem : {"attn_q.weight", "ffn_down.weight", "ffn_norm.weight"}) {
    const std::string name(stem);
    EXPECT_EQ(values_of(after, "blk.0." + name), values_of(before, "blk.0." + name));
    EXPECT_EQ(values_of(after, "blk.1." + name), values_of(before, "blk.3." + name));
  }
  EXPECT_TRUE(open_model(target_));
}

TEST_F(Prune, KeepsTheChannelsThatMatterMost) {
  const auto report = run({.ffn_channels = 0.25});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->d_ff, 96);  // of 128
  const GgufFile before = *GgufFile::open(source_), after = *GgufFile::open(target_);
  EXPECT_EQ(after.metadata().integer("llama.feed_forward_length"), 96);
  const auto gate = values_of(before, "blk.2.ffn_gate.weight");
  const auto up = values_of(before, "blk.2.ffn_up.weight");
  const auto down = values_of(before, "blk.2.ffn_down.weight");
  std::vector<double> importance;
  for (std::size_t c = 0; c < 128; ++c) {
    double g = 0, u = 0, d = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      g += std::pow(gate[c * 64 + i], 2);
      u += std::pow(up[c * 64 + i], 2);
      d += std::pow(down[i * 128 + c], 2);
    }
    importance.push_back(g * u * d);
  }
  const std::vector<int> kept = largest(importance, 96);
  const auto new_gate = values_of(after, "blk.2.ffn_gate.weight");
  const auto new_up = values_of(after, "blk.2.ffn_up.weight");
  const auto new_down = values_of(after, "blk.2.ffn_down.weight");
  ASSERT_EQ(new_down.size(), 64u * 96);
  for (std::size_t c = 0; c < 96; ++c) {
    const auto old = static_cast<std::size_t>(kept[c]);
    for (std::size_t i = 0; i < 64; ++i) {
      ASSERT_EQ(new_gate[c * 64 + i], gate[old * 64 + i]);
      ASSERT_EQ(new_up[c * 64 + i], up[old * 64 + i]);
      ASSERT_EQ(new_down[i * 96 + c], down[i * 128 + old]);
    }
  }
  EXPECT_TRUE(open_model(target_));
}

TEST_F(Prune, LeavesHeadsAndGroupsOut) {
  ASSERT_TRUE(run({.heads = 0.5, .kv_groups = 0.5}));
  const auto model = open_model(target_);
  ASSERT_TRUE(model) << model.error().message;
  const LayerRecipe& recipe = (*model)->config().layers[3];
  EXPECT_EQ(recipe.n_heads, 1);
  EXPECT_EQ(recipe.n_kv_heads, 1);
  EXPECT_EQ(recipe.head_dim, 16);  // as it was, though 64 / 1 is another number
  const GgufFile before = *GgufFile::open(source_), after = *GgufFile::open(target_);
  // Whichever key-value head stays, its query head is one of its own two.
  const auto part_of = [&](const char* name, std::size_t n) {
    const auto old = values_of(before, name), now = values_of(after, name);
    for (std::size_t head = 0; head * n < old.size(); ++head) {
      if (std::equal(now.begin(), now.end(), old.begin() + static_cast<std::ptrdiff_t>(head * n)))
        return static_cast<int>(head);
    }
    return -1;
  };
  const int kv = part_of("blk.1.attn_k.weight", 16 * 64),
            q = part_of("blk.1.attn_q.weight", 16 * 64);
  ASSERT_GE(kv, 0);
  ASSERT_GE(q, 0);
  EXPECT_EQ(q / 2, kv);
  EXPECT_EQ(part_of("blk.1.attn_v.weight", 16 * 64), kv);
  const auto o = values_of(before, "blk.1.attn_output.weight");
  const auto new_o = values_of(after, "blk.1.attn_output.weight");
  EXPECT_EQ(new_o[16], o[64 + static_cast<std::size_t>(q) * 16]);  // row 1, the head's first column
}

TEST_F(Prune, CopiesWholeBlocksAndEncodesOthersAgain) {
  encode_source(DType::kQ8_0);
  const auto layers = run({.layers = {0}});
  ASSERT_TRUE(layers);
  EXPECT_TRUE(layers->encoded_again.empty());
  const auto channels = run({.ffn_channels = 0.5});
  ASSERT_TRUE(channels) << channels.error().message;
  EXPECT_EQ(channels->encoded_again.size(), 4u);  // a down matrix a layer
  const GgufFile after = *GgufFile::open(target_);
  EXPECT_EQ(after.find("blk.0.ffn_down.weight")->dtype, DType::kQ8_0);
  EXPECT_EQ(after.find("blk.0.ffn_down.weight")->n_cols(), 64);
  EXPECT_TRUE(open_model(target_));
}

TEST_F(Prune, ZerosTheSmallest) {
  for (const ZeroScope scope : {ZeroScope::kModel, ZeroScope::kMatrix, ZeroScope::kRow}) {
    const auto report = run({.zeros = {.share = 0.4, .scope = scope}});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_NEAR(static_cast<double>(report->n_zeros) / static_cast<double>(report->n_zeroable), 0.4,
                0.01);
    const GgufFile before = *GgufFile::open(source_), after = *GgufFile::open(target_);
    const auto old = values_of(before, "blk.0.attn_q.weight");
    const auto now = values_of(after, "blk.0.attn_q.weight");
    const std::size_t row = scope == ZeroScope::kRow ? 64 : old.size();
    float largest_gone = 0, smallest_left = 1e9f;
    std::size_t n_gone = 0;
    for (std::size_t i = 0; i < row; ++i) {
      if (now[i] == 0) {
        largest_gone = std::max(largest_gone, std::fabs(old[i]));
        ++n_gone;
      } else {
        EXPECT_EQ(now[i], old[i]);
        smallest_left = std::min(smallest_left, std::fabs(old[i]));
      }
    }
    EXPECT_LT(largest_gone, smallest_left);
    if (scope == ZeroScope::kMatrix) {
      EXPECT_EQ(n_gone, 1638u);  // 0.4 of 4096
    }
    if (scope == ZeroScope::kRow) {
      EXPECT_EQ(n_gone, 26u);  // of 64
    }
    EXPECT_EQ(values_of(after, "token_embd.weight"), values_of(before, "token_embd.weight"));
    EXPECT_EQ(values_of(after, "blk.0.ffn_norm.weight"),
              values_of(before, "blk.0.ffn_norm.weight"));
  }
}

TEST_F(Prune, ZerosGroups) {
  encode_source(DType::kQ8_0);
  ASSERT_TRUE(run({.zeros = {.n_kept = 2, .group_size = 4}}));
  const GgufFile file = *GgufFile::open(target_);
  EXPECT_EQ(file.metadata().string("slipstream.prune.pattern"), "2:4");
  const auto now = values_of(file, "blk.1.ffn_up.weight");
  for (std::size_t i = 0; i < now.size(); i += 4) {
    EXPECT_GE(std::count(&now[i], &now[i] + 4, 0.0f), 2);
  }
}

TEST(ZeroRow, EqualMagnitudesStayFromTheFirst) {
  std::vector<float> row = {1, -1, 1, 1, 3, -2, 2, 0};
  zero_row({.n_kept = 2, .group_size = 4}, -1, {}, row);
  EXPECT_EQ(row, (std::vector<float>{1, -1, 0, 0, 3, -2, 0, 0}));
}

TEST_F(Prune, SameBytesForAnyNumberOfThreads) {
  std::string first;
  for (const int n_threads : {1, 2, 7}) {
    ASSERT_TRUE(run({.layers = {1}, .ffn_channels = 0.3, .zeros = {.share = 0.5}}, n_threads));
    if (first.empty()) first = read_file(target_);
    EXPECT_EQ(read_file(target_), first) << n_threads << " threads";
  }
}

TEST(CutMetadata, WindowsStayWithTheirLayers) {
  Metadata metadata;
  metadata.set("general.architecture", std::string("gemma3"));
  for (const auto& [key, value] : {std::pair{"block_count", 12u},
                                   {"context_length", 64u},
                                   {"embedding_length", 64u},
                                   {"feed_forward_length", 64u},
                                   {"attention.head_count", 4u},
                                   {"attention.key_length", 16u},
                                   {"attention.value_length", 16u},
                                   {"attention.sliding_window", 8u}}) {
    metadata.set(std::string("gemma3.") + key, value);
  }
  metadata.set("gemma3.attention.layer_norm_rms_epsilon", 1e-6f);
  const Family* family = *family_of_gguf("gemma3");
  const ModelConfig before = *family->from_gguf(metadata);
  std::vector<LayerCut> layers = whole_model(before);
  layers.erase(layers.begin() + 2);
  const auto cut = cut_metadata(metadata, before, layers);
  ASSERT_TRUE(cut) << cut.error().message;
  const ModelConfig after = *family->from_gguf(*cut);
  ASSERT_EQ(after.n_layers(), 11);
  EXPECT_EQ(after.layers[4].window, 0);  // layer 5 of the source, the first that sees all
  EXPECT_EQ(after.layers[5].window, 8);
}

// A text that the tiny vocabulary spells byte by byte.
std::string some_text(std::size_t n_bytes) {
  std::string text;
  while (text.size() < n_bytes)
    text += "The quick brown fox, " + std::to_string(text.size()) + "; ";
  return text;
}

class Calibrated : public Prune {
 protected:
  void SetUp() override {
    test::tiny_llama({.n_layers = 3, .n_ctx = 512, .n_idle_layers = 1}).write(source_);
  }
};

TEST_F(Calibrated, MeasuresInfluenceAndInputs) {
  ThreadPool one(1), many(3);
  const ActivationOptions options{
      .window = 64, .max_windows = 3, .first_products = 1, .last_products = 2};
  const auto seen = measure_activations(source_, some_text(300), options, one);
  ASSERT_TRUE(seen) << seen.error().message;
  ASSERT_EQ(seen->size(), 4u);
  EXPECT_NEAR((*seen)[3].influence, 0, 1e-6);  // the idle layer adds nothing
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GT((*seen)[i].influence, 0.01) << i;
  EXPECT_TRUE((*seen)[0].down_products.empty());
  const LayerActivations& layer = (*seen)[1];
  ASSERT_EQ(layer.down_products.size(), 128u * 128);
  for (std::size_t i = 0; i < 128; ++i) {
    EXPECT_NEAR(layer.down_products[i * 129], layer.down[i], 1e-3 * layer.down[i] + 1e-6);
  }
  // Norm weights are near 1: each input has about as many squares as tokens times columns.
  EXPECT_NEAR(std::accumulate(layer.qkv.begin(), layer.qkv.end(), 0.0) / (192 * 64), 1, 0.2);
  const auto again = measure_activations(source_, some_text(300), options, many);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)[1].down_products, layer.down_products);
  EXPECT_EQ((*again)[2].o, (*seen)[2].o);
}

TEST_F(Calibrated, LeavesOutTheLayerOfLeastInfluence) {
  const auto report = run({.n_layers = 1, .text = some_text(600)});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->layers, std::vector<int>{3});
}

TEST_F(Calibrated, JudgesWeightsByTheirInputs) {
  const std::string text = some_text(600);
  ASSERT_TRUE(run({.text = text, .zeros = {.share = 0.5, .scope = ZeroScope::kRow}}));
  ThreadPool pool(1);
  const auto seen = measure_activations(source_, text, {}, pool);
  ASSERT_TRUE(seen);
  const GgufFile before = *GgufFile::open(source_), after = *GgufFile::open(target_);
  const auto old = values_of(before, "blk.1.ffn_down.weight");
  const auto now = values_of(after, "blk.1.ffn_down.weight");
  double largest_gone = 0, smallest_left = 1e9;
  for (std::size_t j = 0; j < 128; ++j) {
    const double score = std::fabs(old[j]) * std::sqrt((*seen)[1].down[j]);
    double& edge = now[j] == 0 ? largest_gone : smallest_left;
    edge = now[j] == 0 ? std::max(edge, score) : std::min(edge, score);
  }
  EXPECT_LT(largest_gone, smallest_left * 1.000001);
}

TEST_F(Calibrated, RepairsWhatRemains) {
  const std::string text = some_text(1200);
  ThreadPool pool(2);
  const auto seen = measure_activations(source_, text, {.last_products = 4}, pool);
  ASSERT_TRUE(seen);
  ASSERT_TRUE(run({.text = text, .ffn_channels = 0.25}));
  const auto cut = values_of(*GgufFile::open(target_), "blk.1.ffn_down.weight");
  const auto gate = values_of(*GgufFile::open(target_), "blk.1.ffn_gate.weight");
  ASSERT_TRUE(run({.text = text, .ffn_channels = 0.25, .repairs = true}));
  const GgufFile after = *GgufFile::open(target_);
  EXPECT_EQ(values_of(after, "blk.1.ffn_gate.weight"), gate);
  const auto repaired = values_of(after, "blk.1.ffn_down.weight");
  const auto old = values_of(*GgufFile::open(source_), "blk.1.ffn_down.weight");
  const auto old_gate = values_of(*GgufFile::open(source_), "blk.1.ffn_gate.weight");
  // The error eᵀ C e of the first row, e: what it lost by column.
  const auto error = [&](const std::vector<float>& row) {
    std::vector<double> lost(old.begin(), old.begin() + 128);
    std::size_t k = 0;
    for (std::size_t c = 0; c < 128 && k < 96; ++c) {
      if (std::equal(&gate[k * 64], &gate[k * 64] + 64, &old_gate[c * 64])) lost[c] -= row[k++];
    }
    double sum = 0;
    for (std::size_t i = 0; i < 128; ++i) {
      for (std::size_t j = 0; j < 128; ++j) {
        sum += lost[i] * lost[j] * (*seen)[1].down_products[std::max(i, j) * 128 + std::min(i, j)];
      }
    }
    return sum;
  };
  EXPECT_LT(error(repaired), 0.8 * error(cut));
}

TEST(SolveRepair, FindsWhatAColumnIsMadeOf) {
  // Column 2 is column 0 plus twice column 1.
  constexpr double kRows[4][3] = {{1, 0, 1}, {0, 1, 2}, {2, 1, 4}, {1, -1, -1}};
  std::vector<float> products(9);
  for (const auto& row : kRows) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j <= i; ++j)
        products[i * 3 + j] += static_cast<float>(row[i] * row[j]);
    }
  }
  ThreadPool pool(2);
  const Repair repair = solve_repair(products, {0, 1}, pool);
  ASSERT_EQ(repair.gone, std::vector<std::int64_t>{2});
  EXPECT_NEAR(repair.factors[0], 1, 0.03);  // but for the ridge
  EXPECT_NEAR(repair.factors[1], 2, 0.03);
  std::vector<float> out = {5, 6};
  repair.apply(std::vector<float>{5, 6, 10}, out);
  EXPECT_NEAR(out[0], 15, 0.3);
  EXPECT_NEAR(out[1], 26, 0.3);
}

TEST_F(Calibrated, RefusesWhatNeedsAText) {
  expect_failure({.n_layers = 1}, "layers by influence: expected a text");
  expect_failure({.ffn_channels = 0.5, .repairs = true}, "repair: expected a text");
  expect_failure({.text = some_text(600), .repairs = true}, "repair: expected FFN channels");
  expect_failure({.n_layers = 4, .text = some_text(600)}, "expected at least one that stays");
  expect_failure({.n_layers = 1, .text = "short"}, "text: expected at least one window");
}

TEST_F(Prune, RefusesWhatMakesNoSense) {
  expect_failure({.layers = {4}}, "layer 4: expected 0 … 3");
  expect_failure({.layers = {0, 1, 2, 3}}, "expected at least one that stays");
  expect_failure({.ffn_channels = 1}, "FFN channels: expected a share");
  expect_failure({.heads = -0.1}, "heads: expected a share");
  expect_failure({.kv_groups = std::nan("")}, "key-value groups: expected a share");
  expect_failure({.zeros = {.n_kept = 4, .group_size = 4}}, "expected N:M");
  expect_failure({.zeros = {.n_kept = 1, .group_size = 3}}, "expected a multiple of 3 columns");
  const std::atomic<bool> cancel{true};
  PruneOptions options{.layers = {0}};
  options.cancel = &cancel;
  expect_failure(options, "stopped");
  encode_source(DType::kQ4_1);
  expect_failure({.zeros = {.share = 0.5}}, "expected a type that has a zero");
  target_ = source_;
  EXPECT_FALSE(run({.layers = {0}}));
  dir_.write("bad.gguf", "GGUF, but no more");
  source_ = dir_ / "bad.gguf";
  target_ = dir_ / "out.gguf";
  expect_failure({.layers = {0}}, "bad.gguf");
}

}  // namespace
}  // namespace slip
