// What each family makes of a file's metadata: GGUF keys and config.json.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>

#include "model/config_check.h"
#include "model/families/family.h"
#include "model/source_files.h"
#include "model/tensor_names.h"

namespace slip {
namespace {

const Family& family(std::string_view name) {
  for (const Family* each : families()) {
    if (each->name == name) return *each;
  }
  throw std::runtime_error("no family " + std::string(name));
}

Metadata gguf(const std::string& arch) {
  Metadata m;
  m.set("general.architecture", arch);
  m.set("general.name", std::string("Test"));
  m.set(arch + ".block_count", std::uint32_t{4});
  m.set(arch + ".context_length", std::uint32_t{4096});
  m.set(arch + ".embedding_length", std::uint32_t{64});
  m.set(arch + ".feed_forward_length", std::uint32_t{96});
  m.set(arch + ".attention.head_count", std::uint32_t{4});
  m.set(arch + ".attention.head_count_kv", std::uint32_t{2});
  m.set(arch + ".attention.layer_norm_rms_epsilon", 1e-6f);
  m.set(arch + ".vocab_size", std::uint32_t{272});
  return m;
}

Result<ModelConfig> config_of_gguf(const Metadata& m) {
  const std::string arch = SLIP_TRY(m.string("general.architecture"));
  const Family* found = SLIP_TRY(family_of_gguf(arch));
  ModelConfig config = SLIP_TRY(found->from_gguf(m));
  SLIP_TRY(check_config(config));
  return config;
}

Metadata json(std::string_view text) {
  return flatten_json(boost::json::parse(text).as_object());
}

Result<ModelConfig> config_of_hf(const Metadata& m) {
  const Family* found = SLIP_TRY(family_of_hf(m));
  ModelConfig config = SLIP_TRY(found->from_hf(m));
  SLIP_TRY(check_config(config));
  return config;
}

// `more`: fields to add, each with a comma before it.
Metadata hf(const std::string& model_type, const std::string& more = "") {
  return json(R"({"model_type": ")" + model_type + R"(", "hidden_size": 64, "vocab_size": 272,
      "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
      "intermediate_size": 96, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5)" +
              more + "}");
}

template <class T>
std::string message(const Result<T>& result) {
  return result ? "no error" : result.error().message;
}

std::vector<int> windows(const ModelConfig& config) {
  std::vector<int> out;
  for (const LayerRecipe& layer : config.layers) out.push_back(layer.window);
  return out;
}

std::vector<int> ropes(const ModelConfig& config) {
  std::vector<int> out;
  for (const LayerRecipe& layer : config.layers) out.push_back(layer.rope);
  return out;
}

TEST(Families, AllAreRegistered) {
  std::vector<std::string_view> names;
  for (const Family* each : families()) names.push_back(each->name);
  EXPECT_EQ(names, (std::vector<std::string_view>{"gemma2", "gemma3", "llama", "mistral", "phi3",
                                                  "qwen2", "qwen3"}));
}

TEST(Families, UnknownArchitecturesListTheKnownOnes) {
  const auto of_gguf = family_of_gguf("mamba");
  ASSERT_FALSE(of_gguf);
  EXPECT_EQ(of_gguf.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(of_gguf.error().message,
            "general.architecture: expected one of gemma2, gemma3, llama, phi3, qwen2, qwen3, got "
            "mamba");
  const auto of_hf = family_of_hf(json(R"({"architectures": ["MambaForCausalLM"]})"));
  EXPECT_NE(message(of_hf).find("MistralForCausalLM"), std::string::npos);
  EXPECT_NE(message(of_hf).find("got MambaForCausalLM"), std::string::npos);
  EXPECT_NE(message(family_of_hf(json("{}"))).find("neither"), std::string::npos);
  // A classifier isn't taken for the language model of its model_type.
  EXPECT_FALSE(family_of_hf(
      json(R"({"architectures": ["LlamaForSequenceClassification"], "model_type": "llama"})")));
}

TEST(Families, LlamaGguf) {
  Metadata m = gguf("llama");
  m.set("llama.rope.freq_base", 500000.0f);
  const auto config = config_of_gguf(m);
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(config->name, "Test");
  EXPECT_EQ(config->d_model, 64);
  EXPECT_EQ(config->n_vocab, 272);
  EXPECT_EQ(config->context_length, 4096);
  EXPECT_FLOAT_EQ(config->norm_eps, 1e-6f);
  EXPECT_EQ(config->norm_weight_offset, 0.0f);
  ASSERT_EQ(config->n_layers(), 4);
  EXPECT_EQ(config->layers[3].n_heads, 4);
  EXPECT_EQ(config->layers[3].n_kv_heads, 2);
  EXPECT_EQ(config->layers[3].head_dim, 16);
  EXPECT_EQ(config->layers[3].d_ff, 96);
  ASSERT_EQ(config->ropes.size(), 1u);
  EXPECT_TRUE(config->ropes[0].interleaved);
  EXPECT_EQ(config->ropes[0].theta, 500000.0);
  EXPECT_EQ(config->ropes[0].n_rot, 16);
  EXPECT_EQ(config->ropes[0].scaling, RopeScaling::kNone);
  EXPECT_EQ(windows(*config), (std::vector<int>{0, 0, 0, 0}));
}

TEST(Families, GgufPerLayerArrays) {
  Metadata m = gguf("llama");
  m.set("llama.attention.head_count", MetaArray{std::vector<std::int32_t>{4, 2, 4, 4}});
  m.set("llama.attention.head_count_kv", MetaArray{std::vector<std::uint32_t>{2, 1, 4, 1}});
  m.set("llama.feed_forward_length", MetaArray{std::vector<std::int32_t>{96, 64, 32, 128}});
  auto config = config_of_gguf(m);
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(config->layers[1].n_heads, 2);
  EXPECT_EQ(config->layers[2].n_kv_heads, 4);
  EXPECT_EQ(config->layers[3].d_ff, 128);
  EXPECT_EQ(config->layers[1].head_dim, 16);

  m.set("llama.feed_forward_length", MetaArray{std::vector<std::int32_t>{96, 64}});
  EXPECT_EQ(
      message(config_of_gguf(m)),
      "metadata key llama.feed_forward_length: expected one value for each of 4 layers, got 2");
}

TEST(Families, GgufRopeScaling) {
  Metadata m = gguf("llama");
  m.set("llama.rope.scaling.factor", 4.0f);
  auto config = config_of_gguf(m);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->ropes[0].scaling, RopeScaling::kLinear);
  EXPECT_EQ(config->ropes[0].factor, 4.0);

  m.set("llama.rope.scaling.type", std::string("yarn"));
  m.set("llama.rope.scaling.original_context_length", std::uint32_t{1024});
  config = config_of_gguf(m);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->ropes[0].scaling, RopeScaling::kYarn);
  EXPECT_EQ(config->ropes[0].original_context, 1024);
  EXPECT_NEAR(config->ropes[0].attention_factor, 0.1 * std::log(4.0) + 1.0, 1e-12);

  m.set("llama.rope.scaling.type", std::string("none"));
  config = config_of_gguf(m);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->ropes[0].scaling, RopeScaling::kNone);

  m.set("llama.rope.scaling.type", std::string("spiral"));
  EXPECT_EQ(config_of_gguf(m).error().kind, ErrorKind::kUnsupported);
  // LongRoPE needs its tables, which stand in tensors.
  m.set("llama.rope.scaling.type", std::string("longrope"));
  EXPECT_NE(message(config_of_gguf(m)).find("RoPE short factors: expected 8"), std::string::npos);
}

TEST(Families, GgufAbsurdValues) {
  const auto with = [](const std::string& key, MetaValue value) {
    Metadata m = gguf("llama");
    m.set("llama." + key, std::move(value));
    return message(config_of_gguf(m));
  };
  EXPECT_EQ(with("attention.head_count", std::uint32_t{0}),
            "metadata key llama.attention.head_count: expected 1 to 1024, got 0");
  EXPECT_EQ(with("attention.head_count_kv", std::uint32_t{3}),
            "layer 0: expected heads to be a multiple of key-value heads, got 4 and 3");
  EXPECT_EQ(with("embedding_length", std::uint32_t{66}),
            "metadata key llama.embedding_length: expected a multiple of 4 heads, got 66");
  EXPECT_EQ(with("block_count", std::uint64_t{1} << 40),
            "metadata key llama.block_count: expected 1 to 1024, got 1099511627776");
  EXPECT_EQ(with("block_count", std::string("four")),
            "metadata key llama.block_count: expected an integer, got string");
  EXPECT_EQ(with("attention.value_length", std::uint32_t{32}),
            "metadata key llama.attention.value_length: expected 16 as of keys, got 32");
  EXPECT_EQ(with("rope.dimension_count", std::uint32_t{18}),
            "layer 0: rotated elements: expected an even number up to the head size 16, got 18");
  EXPECT_EQ(with("expert_count", std::uint32_t{8}),
            "metadata key llama.expert_count: expected a model without experts, got 8");
  EXPECT_NE(with("attention.layer_norm_rms_epsilon", std::nanf("")).find("finite"),
            std::string::npos);
  EXPECT_NE(with("rope.freq_base", -1.0f).find("above 0"), std::string::npos);
  EXPECT_NE(with("context_length", std::int32_t{-1}).find("got -1"), std::string::npos);

  Metadata m = gguf("llama");
  m.erase("llama.block_count");
  EXPECT_EQ(message(config_of_gguf(m)), "metadata key llama.block_count: not in the file");
}

TEST(Families, Gemma2Gguf) {
  auto config = config_of_gguf(gguf("gemma2"));
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(windows(*config), (std::vector<int>{4096, 0, 4096, 0}));
  EXPECT_EQ(config->attention_soft_cap, 50.0f);
  EXPECT_EQ(config->final_soft_cap, 30.0f);
  EXPECT_EQ(config->embedding_scale, 8.0f);
  EXPECT_EQ(config->norm_weight_offset, 0.0f);
  EXPECT_EQ(config->attention_scale, 0.0f);
  EXPECT_TRUE(config->post_norms);
  EXPECT_FALSE(config->qk_norm);
  EXPECT_EQ(config->activation, FfnActivation::kGeluTanh);
  EXPECT_FALSE(config->ropes[0].interleaved);

  // The 27B model scales queries by d_model / heads rather than by the head size.
  Metadata large = gguf("gemma2");
  large.set("gemma2.block_count", std::uint32_t{46});
  large.set("gemma2.attention.key_length", std::uint32_t{32});
  large.set("gemma2.attention.value_length", std::uint32_t{32});
  config = config_of_gguf(large);
  ASSERT_TRUE(config) << message(config);
  EXPECT_FLOAT_EQ(config->attention_scale, 0.25f);
  EXPECT_EQ(config->layers[0].head_dim, 32);
}

TEST(Families, Gemma3Gguf) {
  Metadata m = gguf("gemma3");
  m.set("gemma3.block_count", std::uint32_t{8});
  m.set("gemma3.attention.sliding_window", std::uint32_t{512});
  m.set("gemma3.rope.freq_base", 1e6f);
  m.set("gemma3.rope.scaling.type", std::string("linear"));
  m.set("gemma3.rope.scaling.factor", 8.0f);
  auto config = config_of_gguf(m);
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(windows(*config), (std::vector<int>{512, 512, 512, 512, 512, 0, 512, 512}));
  EXPECT_EQ(ropes(*config), (std::vector<int>{1, 1, 1, 1, 1, 0, 1, 1}));
  ASSERT_EQ(config->ropes.size(), 2u);
  EXPECT_EQ(config->ropes[0].theta, 1e6);
  EXPECT_EQ(config->ropes[0].factor, 8.0);
  EXPECT_EQ(config->ropes[1].theta, 10000.0);
  EXPECT_EQ(config->ropes[1].scaling, RopeScaling::kNone);
  EXPECT_EQ(config->ropes[1].n_rot, 16);
  EXPECT_TRUE(config->qk_norm);
  EXPECT_EQ(config->final_soft_cap, 0.0f);

  m.set("gemma3.attention.sliding_window_pattern",
        MetaArray{std::vector<bool>{true, false, true, false, true, false, true, false}});
  config = config_of_gguf(m);
  ASSERT_TRUE(config);
  EXPECT_EQ(ropes(*config), (std::vector<int>{1, 0, 1, 0, 1, 0, 1, 0}));
  m.set("gemma3.attention.sliding_window_pattern", MetaArray{std::vector<bool>{true}});
  EXPECT_FALSE(config_of_gguf(m));

  m.erase("gemma3.attention.sliding_window");
  m.erase("gemma3.rope.freq_base");
  m.erase("gemma3.attention.sliding_window_pattern");
  config = config_of_gguf(m);
  ASSERT_TRUE(config);
  EXPECT_EQ(ropes(*config), std::vector<int>(8, 0));
  EXPECT_EQ(config->ropes[0].theta, 1e6);
}

TEST(Families, Phi3AndQwenGguf) {
  Metadata phi = gguf("phi3");
  phi.set("phi3.rope.dimension_count", std::uint32_t{12});
  phi.set("phi3.attention.sliding_window", std::uint32_t{2047});
  auto config = config_of_gguf(phi);
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(config->ropes[0].n_rot, 12);
  EXPECT_EQ(windows(*config), std::vector<int>(4, 2047));
  // Phi 4 says "none" with a zero.
  phi.set("phi3.attention.sliding_window", std::uint32_t{0});
  config = config_of_gguf(phi);
  ASSERT_TRUE(config);
  EXPECT_EQ(windows(*config), std::vector<int>(4, 0));

  config = config_of_gguf(gguf("qwen2"));
  ASSERT_TRUE(config);
  EXPECT_FALSE(config->qk_norm);
  EXPECT_FALSE(config->ropes[0].interleaved);
  config = config_of_gguf(gguf("qwen3"));
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->qk_norm);
}

TEST(Families, LlamaHf) {
  const auto config = config_of_hf(hf("llama", R"(, "head_dim": 24, "hidden_act": "silu",
      "rope_theta": 500000.0, "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 1024, "rope_type": "llama3"})"));
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(config->layers[0].head_dim, 24);
  const RopeSpec& rope = config->ropes[0];
  EXPECT_FALSE(rope.interleaved);
  EXPECT_EQ(rope.theta, 500000.0);
  EXPECT_EQ(rope.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(rope.factor, 8.0);
  EXPECT_EQ(rope.original_context, 1024);
  EXPECT_EQ(rope.high_freq_factor, 4.0);
}

TEST(Families, HfRopeInBothStyles) {
  const auto older = config_of_hf(
      hf("llama", R"(, "rope_theta": 1e5, "rope_scaling": {"type": "linear", "factor": 2})"));
  const auto newer = config_of_hf(
      hf("llama",
         R"(, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 100000.0})"));
  ASSERT_TRUE(older) << message(older);
  ASSERT_TRUE(newer) << message(newer);
  for (const ModelConfig& config : {*older, *newer}) {
    EXPECT_EQ(config.ropes[0].theta, 1e5);
    EXPECT_EQ(config.ropes[0].scaling, RopeScaling::kLinear);
    EXPECT_EQ(config.ropes[0].factor, 2.0);
  }
  const auto dynamic =
      config_of_hf(hf("llama", R"(, "rope_scaling": {"type": "dynamic", "factor": 2.0})"));
  ASSERT_TRUE(dynamic);
  EXPECT_EQ(dynamic->ropes[0].scaling, RopeScaling::kDynamicNtk);
  EXPECT_EQ(dynamic->ropes[0].original_context, 4096);

  const auto yarn = config_of_hf(hf("qwen2", R"(, "rope_scaling": {"rope_type": "yarn",
      "factor": 4.0, "original_max_position_embeddings": 1024, "mscale": 1.0,
      "mscale_all_dim": 0.5})"));
  ASSERT_TRUE(yarn) << message(yarn);
  EXPECT_EQ(yarn->ropes[0].scaling, RopeScaling::kYarn);
  EXPECT_NEAR(yarn->ropes[0].attention_factor,
              (0.1 * std::log(4.0) + 1) / (0.05 * std::log(4.0) + 1), 1e-12);

  EXPECT_EQ(config_of_hf(hf("llama", R"(, "rope_scaling": {"type": "mrope"})")).error().kind,
            ErrorKind::kUnsupported);
  EXPECT_NE(message(config_of_hf(hf("llama", R"(, "rope_scaling": {"type": "linear"})")))
                .find("rope_scaling.factor"),
            std::string::npos);
  EXPECT_FALSE(config_of_hf(hf("llama", R"(, "rope_scaling": {"type": "linear", "factor": 0})")));
  EXPECT_FALSE(config_of_hf(hf("llama", R"(, "partial_rotary_factor": 1.5)")));
}

TEST(Families, MistralHf) {
  auto config = config_of_hf(hf("mistral", R"(, "sliding_window": 4096)"));
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(windows(*config), std::vector<int>(4, 4096));
  config = config_of_hf(hf("mistral", R"(, "sliding_window": null, "head_dim": null)"));
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(windows(*config), std::vector<int>(4, 0));
  EXPECT_EQ(config->layers[0].head_dim, 16);
}

TEST(Families, QwenHfWindows) {
  auto config = config_of_hf(hf("qwen2", R"(, "sliding_window": 128, "max_window_layers": 2)"));
  ASSERT_TRUE(config);
  EXPECT_EQ(windows(*config), std::vector<int>(4, 0));
  config = config_of_hf(hf(
      "qwen2", R"(, "use_sliding_window": true, "sliding_window": 128, "max_window_layers": 3)"));
  ASSERT_TRUE(config);
  EXPECT_EQ(windows(*config), (std::vector<int>{0, 0, 0, 128}));
  config = config_of_hf(hf("qwen3", R"(, "use_sliding_window": true, "sliding_window": 128,
      "num_hidden_layers": 2, "layer_types": ["full_attention", "sliding_attention"])"));
  ASSERT_TRUE(config);
  EXPECT_EQ(windows(*config), (std::vector<int>{0, 128}));
  EXPECT_EQ(config->layers[0].head_dim, 128);
  EXPECT_TRUE(config->qk_norm);
}

TEST(Families, Gemma2Hf) {
  const auto config = config_of_hf(hf("gemma2", R"(, "head_dim": 32, "query_pre_attn_scalar": 16,
      "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window": 1024,
      "hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh")"));
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(config->attention_scale, 0.25f);
  EXPECT_EQ(config->attention_soft_cap, 50.0f);
  EXPECT_EQ(config->norm_weight_offset, 1.0f);
  EXPECT_EQ(windows(*config), (std::vector<int>{1024, 0, 1024, 0}));
  EXPECT_TRUE(family("gemma2").hf_tied);
}

TEST(Families, Gemma3HfNestedInAMultimodalConfig) {
  const auto config = config_of_hf(json(R"({"architectures": ["Gemma3ForConditionalGeneration"],
      "model_type": "gemma3", "text_config": {"hidden_size": 2560, "intermediate_size": 10240,
      "model_type": "gemma3_text", "num_hidden_layers": 34, "sliding_window": 1024,
      "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}, "vision_config": {}})"));
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(config->n_vocab, 262208);
  EXPECT_EQ(config->layers[0].n_heads, 8);
  EXPECT_EQ(config->layers[0].n_kv_heads, 4);
  EXPECT_EQ(config->layers[0].head_dim, 256);
  EXPECT_EQ(config->context_length, 131072);
  EXPECT_FLOAT_EQ(config->attention_scale, 1.0f / 16);
  EXPECT_EQ(config->ropes[0].theta, 1e6);
  EXPECT_EQ(config->ropes[0].factor, 8.0);
  EXPECT_EQ(config->ropes[1].theta, 10000.0);
  EXPECT_EQ(config->layers[4].window, 1024);
  EXPECT_EQ(config->layers[5].window, 0);
}

TEST(Families, Gemma3HfRopeNestedByLayerType) {
  const auto config = config_of_hf(hf("gemma3_text", R"(, "head_dim": 32, "sliding_window": 512,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
      "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0,
      "rope_theta": 2e6}, "sliding_attention": {"rope_type": "default", "rope_theta": 20000}})"));
  ASSERT_TRUE(config) << message(config);
  EXPECT_EQ(ropes(*config), (std::vector<int>{1, 0, 1, 0}));
  EXPECT_EQ(config->ropes[0].theta, 2e6);
  EXPECT_EQ(config->ropes[0].factor, 4.0);
  EXPECT_EQ(config->ropes[1].theta, 20000.0);
  EXPECT_EQ(config->ropes[1].scaling, RopeScaling::kNone);
}

TEST(Families, Phi3HfLongRope) {
  const std::string tables =
      R"("short_factor": [1, 1.05, 1.1, 1.2, 1.3, 1.4], "long_factor": [1, 2, 3, 4, 5, 6.5])";
  const auto older = config_of_hf(
      hf("phi3", R"(, "original_max_position_embeddings": 1024, "partial_rotary_factor": 0.75,
      "sliding_window": null, "rope_scaling": {"type": "su", )" +
                     tables + "}"));
  const auto newer = config_of_hf(
      hf("phi3", R"(, "rope_parameters": {"rope_type": "longrope", "partial_rotary_factor": 0.75,
      "original_max_position_embeddings": 1024, "rope_theta": 10000.0, )" +
                     tables + "}"));
  for (const auto& config : {older, newer}) {
    ASSERT_TRUE(config) << message(config);
    const RopeSpec& rope = config->ropes[0];
    EXPECT_EQ(rope.scaling, RopeScaling::kLongRope);
    EXPECT_EQ(rope.n_rot, 12);
    EXPECT_EQ(rope.original_context, 1024);
    EXPECT_NEAR(rope.attention_factor, std::sqrt(1 + std::log(4.0) / std::log(1024.0)), 1e-12);
    ASSERT_EQ(rope.long_factors.size(), 6u);
    EXPECT_EQ(rope.long_factors[5], 6.5f);
    EXPECT_EQ(rope.short_factors[1], 1.05f);
  }
  // Tables of another length than half the rotated elements.
  EXPECT_NE(message(config_of_hf(hf("phi3", R"(, "rope_scaling": {"type": "su", )" + tables + "}")))
                .find("RoPE short factors: expected 8 for 16 rotated elements, got 6"),
            std::string::npos);
}

TEST(Families, HfRefusals) {
  EXPECT_EQ(config_of_hf(hf("llama", R"(, "hidden_act": "relu")")).error().kind,
            ErrorKind::kUnsupported);
  EXPECT_EQ(message(config_of_hf(hf("llama", R"(, "num_local_experts": 8)"))),
            "num_local_experts: expected a model without experts, got 8");
  EXPECT_EQ(
      message(config_of_hf(hf("llama", R"(, "quantization_config": {"quant_method": "gptq"})"))),
      "quantization_config.quant_method: expected plain weights, got gptq");
  EXPECT_FALSE(config_of_hf(json(R"({"model_type": "llama"})")));
  EXPECT_NE(message(config_of_hf(hf("gemma3_text", R"(, "layer_types": ["full_attention"])")))
                .find("expected one for each of 4 layers, got 1"),
            std::string::npos);
}

TEST(TensorNames, HuggingFaceToCanonical) {
  const Family& llama = family("llama");
  EXPECT_EQ(canonical_name(llama, "model.embed_tokens.weight"), "token_embd.weight");
  EXPECT_EQ(canonical_name(llama, "model.norm.weight"), "output_norm.weight");
  EXPECT_EQ(canonical_name(llama, "lm_head.weight"), "output.weight");
  EXPECT_EQ(canonical_name(llama, "model.layers.11.self_attn.q_proj.bias"), "blk.11.attn_q.bias");
  EXPECT_EQ(canonical_name(llama, "model.layers.0.post_attention_layernorm.weight"),
            "blk.0.ffn_norm.weight");
  EXPECT_EQ(canonical_name(llama, "model.layers.0.self_attn.rotary_emb.inv_freq"), "");
  EXPECT_EQ(canonical_name(llama, "model.layers.0.mlp.router.weight"), "blk.0.mlp.router.weight");
  EXPECT_EQ(canonical_name(llama, "model.layers.0"), "");

  const Family& gemma3 = family("gemma3");
  EXPECT_EQ(canonical_name(gemma3, "model.layers.2.post_attention_layernorm.weight"),
            "blk.2.post_attention_norm.weight");
  EXPECT_EQ(canonical_name(gemma3, "language_model.model.layers.2.mlp.up_proj.weight"),
            "blk.2.ffn_up.weight");
  const std::string pre_ffw = "layers.2.pre_feedforward_layernorm.weight";
  EXPECT_EQ(canonical_name(gemma3, "model.language_model." + pre_ffw), "blk.2.ffn_norm.weight");
  EXPECT_EQ(canonical_name(gemma3, "model.vision_tower.encoder.layers.0.mlp.fc1.weight"), "");
  EXPECT_EQ(canonical_name(family("phi3"), "model.layers.1.mlp.gate_up_proj.weight"),
            "blk.1.ffn_up.weight");
}

}  // namespace
}  // namespace slip
