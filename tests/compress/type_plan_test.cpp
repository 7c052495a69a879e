#include "compress/type_plan.h"

#include <gtest/gtest.h>

#include "quant/quant_format.h"

namespace slip {
namespace {

// A model of `n_layers` layers with the matrices that mixes know; no bytes behind them.
struct Skeleton {
  Metadata metadata;
  std::vector<TensorView> tensors;

  Skeleton(std::int64_t n_layers, std::int64_t n_cols, bool is_tied) {
    metadata.set("general.architecture", std::string("llama"));
    metadata.set("llama.block_count", n_layers);
    metadata.set("llama.attention.head_count", std::int64_t{32});
    metadata.set("llama.attention.head_count_kv", std::int64_t{8});
    const auto add = [&](std::string name, std::vector<std::int64_t> shape) {
      tensors.push_back(
          {.name = std::move(name), .dtype = DType::kF16, .shape = std::move(shape), .bytes = {}});
    };
    add("token_embd.weight", {n_cols, 100});
    for (std::int64_t i = 0; i < n_layers; ++i) {
      const std::string prefix = "blk." + std::to_string(i) + ".";
      for (const char* part : {"attn_q", "attn_v", "attn_output", "ffn_up", "ffn_down"}) {
        add(prefix + part + ".weight", {n_cols, n_cols});
      }
      add(prefix + "attn_norm.weight", {n_cols});
      add(prefix + "attn_q.bias", {n_cols});
    }
    if (!is_tied) add("output.weight", {n_cols, 100});
  }

  TypePlan plan(const TypePlanOptions& options) const {
    return plan_types(metadata, tensors, options).value();
  }
  DType type(const TypePlan& plan, std::string_view name) const {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].name == name) return plan.types[i];
    }
    throw std::out_of_range(std::string(name));
  }
  std::vector<int> layers_with(const TypePlan& plan, std::string_view part, DType wanted) const {
    std::vector<int> layers;
    for (int i = 0; i < metadata.integer("llama.block_count").value(); ++i) {
      const std::string name = "blk." + std::to_string(i) + "." + std::string(part) + ".weight";
      if (type(plan, name) == wanted) layers.push_back(i);
    }
    return layers;
  }
};

TEST(TypeMix, KnowsNamesInAnyCase) {
  EXPECT_EQ(find_type_mix("q4_k_m"), find_type_mix("Q4_K_M"));
  EXPECT_EQ(find_type_mix("Q4_K"), find_type_mix("Q4_K_M"));
  EXPECT_EQ(find_type_mix("q5_k")->name, "Q5_K_M");
  EXPECT_EQ(find_type_mix("q3_k")->name, "Q3_K_M");
  EXPECT_EQ(find_type_mix("Q4_K_X"), nullptr);
  EXPECT_EQ(find_type_mix(""), nullptr);
  for (const std::string_view name : type_mix_names()) {
    ASSERT_NE(find_type_mix(name), nullptr);
    EXPECT_NE(find_quant_format(find_type_mix(name)->base), nullptr);
  }
}

TEST(TypeMix, FallsBackWhereBlocksDontFit) {
  EXPECT_EQ(fitting_type(DType::kQ4_K, 512), DType::kQ4_K);
  EXPECT_EQ(fitting_type(DType::kQ4_K, 576), DType::kQ5_0);
  EXPECT_EQ(fitting_type(DType::kQ5_K, 576), DType::kQ5_1);
  EXPECT_EQ(fitting_type(DType::kQ6_K, 576), DType::kQ8_0);
  for (const DType type : {DType::kQ2_K, DType::kQ3_K, DType::kIQ4_XS}) {
    EXPECT_EQ(fitting_type(type, 576), DType::kIQ4_NL);
  }
  EXPECT_EQ(fitting_type(DType::kQ8_0, 576), DType::kQ8_0);
  for (const DType type : {DType::kQ4_K, DType::kQ8_0, DType::kMXFP4}) {
    EXPECT_EQ(fitting_type(type, 40), DType::kF16);
  }
  EXPECT_EQ(fitting_type(DType::kBF16, 40), DType::kBF16);
}

// The layers of published files of 30 layers.
TEST(TypePlan, MixesGiveBitsToTheSameLayersAsPublishedFiles) {
  const Skeleton model(30, 512, true);
  const std::vector<int> spread = {0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29};
  for (const char* name : {"Q4_K_M", "Q5_K_M"}) {
    const TypePlan plan = model.plan({.mix = find_type_mix(name)});
    EXPECT_EQ(model.layers_with(plan, "attn_v", DType::kQ6_K), spread);
    EXPECT_EQ(model.layers_with(plan, "ffn_down", DType::kQ6_K), spread);
    EXPECT_TRUE(model.layers_with(plan, "ffn_up", DType::kQ6_K).empty());
    EXPECT_TRUE(plan.fallbacks.empty());
  }
  const TypePlan small = model.plan({.mix = find_type_mix("Q4_K_S")});
  EXPECT_EQ(model.layers_with(small, "attn_v", DType::kQ5_K), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(model.layers_with(small, "ffn_down", DType::kQ5_K), (std::vector{0, 1, 2}));
  const TypePlan three = model.plan({.mix = find_type_mix("Q3_K_M")});
  EXPECT_EQ(model.layers_with(three, "attn_v", DType::kQ5_K), (std::vector{0, 1}));
  EXPECT_EQ(model.layers_with(three, "ffn_down", DType::kQ5_K), (std::vector{0}));
  EXPECT_EQ(model.layers_with(three, "attn_output", DType::kQ4_K).size(), 30u);
  EXPECT_EQ(model.layers_with(three, "attn_q", DType::kQ3_K).size(), 30u);
  const TypePlan two = model.plan({.mix = find_type_mix("Q2_K")});
  EXPECT_EQ(model.layers_with(two, "attn_v", DType::kQ4_K).size(), 30u);  // four heads to a key
}

TEST(TypePlan, TreatsTheOutputWithCare) {
  const Skeleton tied(2, 256, true), apart(2, 256, false), narrow(2, 576, true);
  for (const char* name : {"Q2_K", "Q4_0", "Q4_K_M", "MXFP4"}) {
    const TypeMix& mix = *find_type_mix(name);
    EXPECT_EQ(tied.type(tied.plan({.mix = &mix}), "token_embd.weight"), DType::kQ6_K);
    EXPECT_EQ(apart.type(apart.plan({.mix = &mix}), "output.weight"), DType::kQ6_K);
    EXPECT_EQ(apart.type(apart.plan({.mix = &mix}), "token_embd.weight"), mix.base);
    EXPECT_EQ(narrow.type(narrow.plan({.mix = &mix}), "token_embd.weight"), DType::kQ8_0);
    EXPECT_EQ(tied.type(tied.plan({.mix = &mix, .pure = true}), "token_embd.weight"), mix.base);
  }
  const TypePlan eight = apart.plan({.mix = find_type_mix("Q8_0")});
  EXPECT_EQ(apart.type(eight, "output.weight"), DType::kQ8_0);
  const TypePlan half = apart.plan({.mix = find_type_mix("F16")});
  EXPECT_EQ(apart.type(half, "output.weight"), DType::kF16);

  const TypePlanOptions chosen{
      .mix = find_type_mix("Q4_0"), .output = DType::kQ8_0, .embedding = DType::kF16};
  EXPECT_EQ(apart.type(apart.plan(chosen), "output.weight"), DType::kQ8_0);
  EXPECT_EQ(apart.type(apart.plan(chosen), "token_embd.weight"), DType::kF16);
  const TypePlanOptions output_only{.mix = find_type_mix("Q4_0"), .output = DType::kQ8_0};
  EXPECT_EQ(tied.type(tied.plan(output_only), "token_embd.weight"), DType::kQ8_0);
}

TEST(TypePlan, LeavesVectorsAlone) {
  const Skeleton model(1, 576, false);
  const TypePlan plan = model.plan({.mix = find_type_mix("Q4_K_M")});
  EXPECT_EQ(model.type(plan, "blk.0.attn_norm.weight"), DType::kF16);  // as it was
  EXPECT_EQ(model.type(plan, "blk.0.attn_q.bias"), DType::kF16);
  EXPECT_EQ(plan.fallbacks.size(), 7u);
}

TEST(TypePlan, FollowsPatterns) {
  const Skeleton model(2, 256, true);
  TypePlanOptions options{.mix = find_type_mix("Q4_0")};
  options.overrides = {*parse_type_override("BLK\\.1\\..*ffn=q8_0"),
                       *parse_type_override("ffn_(up|down)=F16")};
  const TypePlan plan = model.plan(options);
  EXPECT_EQ(model.type(plan, "blk.0.ffn_up.weight"), DType::kF16);
  EXPECT_EQ(model.type(plan, "blk.1.ffn_up.weight"), DType::kQ8_0);
  EXPECT_EQ(model.type(plan, "blk.1.attn_q.weight"), DType::kQ4_0);

  const auto failure = [](const Skeleton& of, const TypePlanOptions& with) {
    const auto result = plan_types(of.metadata, of.tensors, with);
    return result ? std::string() : result.error().message;
  };
  options.overrides = {*parse_type_override("ffn_gate=Q8_0")};
  EXPECT_NE(failure(model, options).find("'ffn_gate'"), std::string::npos);
  options.overrides = {*parse_type_override("ffn_up=Q4_K")};
  EXPECT_NE(failure(Skeleton(1, 576, true), options).find("multiple of 256 columns"),
            std::string::npos);
}

TEST(TypePlan, RefusesBadRules) {
  for (const char* text : {"", "attn_v", "=Q4_0", "attn_v=", "attn_v=Q9_0", "attn_v=I32",
                           "attn_v=Q4_K_M", "(=Q4_0", "[=Q4_0"}) {
    EXPECT_FALSE(parse_type_override(text)) << text;
  }
}

}  // namespace
}  // namespace slip
