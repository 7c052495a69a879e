// open_model on the golden models (tests/data/golden) and on files that are wrong.
#include "model/source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "formats/gguf.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(SLIP_TEST_DATA) / "golden";

std::string message(const fs::path& path) {
  const auto source = open_model(path);
  return source ? "no error" : source.error().message;
}

void expect_same(const RopeSpec& a, const RopeSpec& b) {
  EXPECT_EQ(a.theta, b.theta);
  EXPECT_EQ(a.n_rot, b.n_rot);
  EXPECT_EQ(a.scaling, b.scaling);
  EXPECT_EQ(a.factor, b.factor);
  EXPECT_EQ(a.original_context, b.original_context);
  EXPECT_NEAR(a.attention_factor, b.attention_factor, 1e-6);
  EXPECT_EQ(a.short_factors, b.short_factors);
  EXPECT_EQ(a.long_factors, b.long_factors);
}

void expect_same(const ModelConfig& a, const ModelConfig& b) {
  EXPECT_EQ(a.d_model, b.d_model);
  EXPECT_EQ(a.n_vocab, b.n_vocab);
  EXPECT_EQ(a.context_length, b.context_length);
  EXPECT_EQ(a.norm_eps, b.norm_eps);
  EXPECT_EQ(a.qk_norm, b.qk_norm);
  EXPECT_EQ(a.post_norms, b.post_norms);
  EXPECT_EQ(a.embedding_scale, b.embedding_scale);
  EXPECT_EQ(a.attention_soft_cap, b.attention_soft_cap);
  EXPECT_EQ(a.final_soft_cap, b.final_soft_cap);
  EXPECT_EQ(a.activation, b.activation);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    EXPECT_EQ(a.layers[i].n_heads, b.layers[i].n_heads);
    EXPECT_EQ(a.layers[i].n_kv_heads, b.layers[i].n_kv_heads);
    EXPECT_EQ(a.layers[i].head_dim, b.layers[i].head_dim);
    EXPECT_EQ(a.layers[i].d_ff, b.layers[i].d_ff);
    EXPECT_EQ(a.layers[i].window, b.layers[i].window);
    EXPECT_EQ(a.layers[i].rope, b.layers[i].rope);
  }
  ASSERT_EQ(a.ropes.size(), b.ropes.size());
}

void copy_model(const std::string& model, const fs::path& to) {
  fs::copy(kGolden / model, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

// A folder like `model`'s with another config.json.
void copy_with_config(const std::string& model, const std::string& config, const fs::path& to) {
  copy_model(model, to);
  fs::copy_file(kGolden / model / config, to / "config.json", fs::copy_options::overwrite_existing);
}

class GoldenSource : public testing::TestWithParam<std::string> {};

TEST_P(GoldenSource, BothFormatsMeanTheSameModel) {
  const auto hf = open_model(kGolden / GetParam());
  ASSERT_TRUE(hf) << hf.error().message;
  const auto gguf = open_model(kGolden / GetParam() / "model.gguf");
  ASSERT_TRUE(gguf) << gguf.error().message;
  expect_same((*hf)->config(), (*gguf)->config());
  if (GetParam() != "llama3") {  // GGUF holds its rope as a table
    for (std::size_t i = 0; i < (*hf)->config().ropes.size(); ++i) {
      expect_same((*hf)->config().ropes[i], (*gguf)->config().ropes[i]);
    }
  }
  for (const auto& source : {hf->get(), gguf->get()}) {
    EXPECT_LE(source->bytes_per_token(), source->tensor_bytes());
    EXPECT_EQ(source->chat_template().value_or(""),
              "{% for m in messages %}{{ m['content'] }}{% endfor %}");
  }
}

void expect_works(const Tokenizer& tokenizer, const ModelConfig& config) {
  EXPECT_EQ(tokenizer.n_vocab(), config.n_vocab);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("the answer")), "the answer");
  EXPECT_TRUE(tokenizer.is_end_of_generation(270));
}

TEST_P(GoldenSource, Tokenizers) {
  const auto gguf = open_model(kGolden / GetParam() / "model.gguf");
  ASSERT_TRUE(gguf) << gguf.error().message;
  const auto of_gguf = (*gguf)->make_tokenizer();
  ASSERT_TRUE(of_gguf) << of_gguf.error().message;
  expect_works(**of_gguf, (*gguf)->config());

  const auto hf = open_model(kGolden / GetParam());
  ASSERT_TRUE(hf) << hf.error().message;
  const auto of_hf = (*hf)->make_tokenizer();
  ASSERT_TRUE(of_hf) << of_hf.error().message;
  expect_works(**of_hf, (*hf)->config());
  // From generation_config.json, which lists two.
  EXPECT_TRUE((*of_hf)->is_end_of_generation(271));
}

TEST_P(GoldenSource, BothConfigStylesMeanTheSameModel) {
  const test::TempDir dir;
  copy_with_config(GetParam(), "config_v4.json", dir.path());
  const auto older = open_model(dir.path());
  ASSERT_TRUE(older) << older.error().message;
  const auto newer = open_model(kGolden / GetParam());
  ASSERT_TRUE(newer) << newer.error().message;
  expect_same((*older)->config(), (*newer)->config());
  EXPECT_EQ((*older)->config().attention_scale, (*newer)->config().attention_scale);
  EXPECT_EQ((*older)->config().norm_weight_offset, (*newer)->config().norm_weight_offset);
  for (std::size_t i = 0; i < (*older)->config().ropes.size(); ++i) {
    expect_same((*older)->config().ropes[i], (*newer)->config().ropes[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenSource,
                         testing::Values("gemma2", "gemma3", "llama", "llama3", "mistral", "phi3",
                                         "phi3-long", "qwen2", "qwen3"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(OpenModel, TiedAndUntied) {
  const auto tied = open_model(kGolden / "llama3");
  ASSERT_TRUE(tied) << tied.error().message;
  EXPECT_EQ((*tied)->find("output.weight"), nullptr);
  EXPECT_EQ((*tied)->bytes_per_token(), (*tied)->tensor_bytes());
  const auto untied = open_model(kGolden / "llama");
  ASSERT_TRUE(untied) << untied.error().message;
  EXPECT_NE((*untied)->find("output.weight"), nullptr);
  // Of the embedding table [272][64] in BF16 one row is read.
  EXPECT_EQ((*untied)->tensor_bytes() - (*untied)->bytes_per_token(), 271u * 64 * 2);
  EXPECT_FALSE((*untied)->require("blk.9.attn_q.weight"));
}

TEST(OpenModel, Llama3TableFollowsTheFormula) {
  const auto gguf = open_model(kGolden / "llama3" / "model.gguf");
  ASSERT_TRUE(gguf) << gguf.error().message;
  const RopeSpec& rope = (*gguf)->config().ropes[0];
  EXPECT_EQ(rope.scaling, RopeScaling::kNone);
  ASSERT_EQ(rope.freq_factors.size(), 8u);
  EXPECT_EQ(rope.freq_factors[0], 1.0f);  // the fastest is kept
  EXPECT_EQ(rope.freq_factors[7], 8.0f);  // the slowest is stretched by the whole factor
}

TEST(OpenModel, GgufErrors) {
  const test::TempDir dir;
  const auto with = [&](const char* name, const std::function<void(test::GgufBuilder&)>& change) {
    test::GgufBuilder builder = test::tiny_llama();
    change(builder);
    builder.write(dir / name);
    const std::string text = message(dir / name);
    EXPECT_EQ(text.find((dir / name).string()), 0u) << text;
    return text.substr(text.find(": ") + 2);
  };
  test::tiny_llama().write(dir / "good.gguf");
  EXPECT_EQ(message(dir / "good.gguf"), "no error");
  EXPECT_EQ(with("arch.gguf", [](auto& b) { b.meta("general.architecture", std::string("rwkv")); }),
            "general.architecture: expected one of gemma2, gemma3, llama, phi3, qwen2, qwen3, got "
            "rwkv");
  EXPECT_EQ(with("ffn.gguf", [](auto& b) { b.meta("llama.feed_forward_length", 64u); }),
            "tensor blk.0.ffn_gate.weight: expected shape [64, 64], got [64, 128]");
  EXPECT_EQ(with("layers.gguf", [](auto& b) { b.meta("llama.block_count", 3u); }),
            "tensor blk.2.attn_norm.weight: expected shape [64], got no such tensor");
  EXPECT_EQ(with("fewer.gguf", [](auto& b) { b.meta("llama.block_count", 1u); }),
            "tensor blk.1.attn_k.weight: expected none of that name in this family of models, got "
            "shape [64, 32]");
  EXPECT_EQ(with("bias.gguf", [](auto& b) { b.random_tensor("blk.0.attn_norm.bias", {64}, {}); }),
            "tensor blk.0.attn_norm.bias: expected none of that name in this family of models, got "
            "shape [64]");
  EXPECT_EQ(with("type.gguf",
                 [](auto& b) {
                   b.tensor("output.bias", DType::kI32, {262}, std::vector<std::byte>(262 * 4));
                 }),
            "tensor output.bias: expected type F32, F16 or BF16, got type I32");
  EXPECT_EQ(with("rope.gguf",
                 [](auto& b) {
                   b.tensor("rope_freqs.weight", {3}, {1.0f, 2.0f, 3.0f});
                 }),
            "RoPE frequency factors: expected 8 for 16 rotated elements, got 3");
  EXPECT_EQ(
      with("tokens.gguf",
           [](auto& b) { b.array("tokenizer.ggml.tokens", std::vector<std::string>(500, "a")); }),
      "tokenizer.ggml.tokens: expected at most 262 tokens, a row of token_embd.weight for "
      "each, got 500");
}

TEST(OpenModel, VocabularyOnlyAndAbsentFiles) {
  const test::TempDir dir;
  const test::GgufBuilder whole = test::tiny_llama();
  test::GgufBuilder vocabulary;
  for (const auto& entry : whole.metadata().entries()) vocabulary.meta(entry.key, entry.value);
  vocabulary.write(dir / "vocabulary.gguf");
  EXPECT_NE(message(dir / "vocabulary.gguf").find("vocabulary only"), std::string::npos);
  EXPECT_NE(message(dir / "absent.gguf").find("absent.gguf"), std::string::npos);
  // A folder without config.json is no model.
  EXPECT_EQ(message(dir.path()),
            dir.path().string() +
                ": expected a GGUF file or a folder with a config.json, got a folder without");
}

TEST(OpenModel, HuggingFaceErrors) {
  const test::TempDir dir;
  const auto with = [&](const std::string& from, const std::string& to) {
    copy_model("llama", dir.path());
    std::string config = test::read_file(kGolden / "llama" / "config.json");
    const std::size_t at = config.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    config.replace(at, from.size(), to);
    dir.write("config.json", config);
    const std::string text = message(dir.path());
    EXPECT_EQ(text.find(dir.path().string()), 0u) << text;
    return text.substr(text.find(": ") + 2);
  };
  EXPECT_EQ(with(R"("intermediate_size": 64)", R"("intermediate_size": 96)"),
            "tensor blk.0.ffn_gate.weight: expected shape [64, 96], got [64, 64]");
  EXPECT_EQ(with(R"("num_hidden_layers": 2)", R"("num_hidden_layers": 3)"),
            "tensor blk.2.attn_norm.weight: expected shape [64], got no such tensor");
  EXPECT_EQ(with(R"("num_key_value_heads": 2)", R"("num_key_value_heads": 0)"),
            "metadata key num_key_value_heads: expected 1 to 1024, got 0");
  EXPECT_NE(with("LlamaForCausalLM", "FancyForCausalLM").find("got FancyForCausalLM"),
            std::string::npos);

  // A model that says its output matrix isn't the embedding table must have one.
  copy_model("mistral", dir.path());
  std::string config = test::read_file(kGolden / "mistral" / "config.json");
  const std::string tie = R"("tie_word_embeddings": true)";
  config.replace(config.find(tie), tie.size(), R"("tie_word_embeddings": false)");
  dir.write("config.json", config);
  EXPECT_NE(message(dir.path()).find("tensor lm_head.weight: expected one"), std::string::npos);
}

}  // namespace
}  // namespace slip
