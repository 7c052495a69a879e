#include "compress/type_mix.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace slip {
namespace {

using Role = TensorRole;

constexpr MixRule kQ2_K[] = {{Role::kAttentionV, LayerSet::kAllGrouped, DType::kQ4_K},
                             {Role::kAttentionV, LayerSet::kAll, DType::kQ3_K},
                             {Role::kAttentionOutput, LayerSet::kAll, DType::kQ3_K},
                             {Role::kFfnDown, LayerSet::kAll, DType::kQ3_K}};
constexpr MixRule kQ3_K_M[] = {{Role::kAttentionV, LayerSet::kFirstTwo, DType::kQ5_K},
                               {Role::kAttentionV, LayerSet::kAll, DType::kQ4_K},
                               {Role::kAttentionQkv, LayerSet::kAll, DType::kQ4_K},
                               {Role::kAttentionOutput, LayerSet::kAll, DType::kQ4_K},
                               {Role::kFfnDown, LayerSet::kFirstSixteenth, DType::kQ5_K},
                               {Role::kFfnDown, LayerSet::kAll, DType::kQ4_K}};
constexpr MixRule kQ3_K_L[] = {{Role::kAttentionV, LayerSet::kAll, DType::kQ5_K},
                               {Role::kAttentionQkv, LayerSet::kAll, DType::kQ4_K},
                               {Role::kAttentionOutput, LayerSet::kAll, DType::kQ5_K},
                               {Role::kFfnDown, LayerSet::kAll, DType::kQ5_K}};
constexpr MixRule kQ4_K_S[] = {{Role::kAttentionV, LayerSet::kFirstFour, DType::kQ5_K},
                               {Role::kFfnDown, LayerSet::kFirstEighth, DType::kQ5_K}};
constexpr MixRule kQ4_K_M[] = {{Role::kAttentionV, LayerSet::kSpread, DType::kQ6_K},
                               {Role::kAttentionQkv, LayerSet::kAll, DType::kQ5_K},
                               {Role::kFfnDown, LayerSet::kSpread, DType::kQ6_K}};
constexpr MixRule kQ5_K_M[] = {{Role::kAttentionV, LayerSet::kSpread, DType::kQ6_K},
                               {Role::kAttentionQkv, LayerSet::kAll, DType::kQ6_K},
                               {Role::kFfnDown, LayerSet::kSpread, DType::kQ6_K}};
constexpr MixRule kIQ4[] = {{Role::kAttentionV, LayerSet::kAllGrouped, DType::kQ5_K},
                            {Role::kFfnDown, LayerSet::kFirstEighth, DType::kQ5_K}};

constexpr TypeMix kMixes[] = {
    {"F32", DType::kF32, 0, {}},           {"F16", DType::kF16, 1, {}},
    {"BF16", DType::kBF16, 32, {}},        {"Q8_0", DType::kQ8_0, 7, {}},
    {"Q4_0", DType::kQ4_0, 2, {}},         {"Q4_1", DType::kQ4_1, 3, {}},
    {"Q5_0", DType::kQ5_0, 8, {}},         {"Q5_1", DType::kQ5_1, 9, {}},
    {"Q2_K", DType::kQ2_K, 10, kQ2_K},     {"Q3_K_S", DType::kQ3_K, 11, {}},
    {"Q3_K_M", DType::kQ3_K, 12, kQ3_K_M}, {"Q3_K_L", DType::kQ3_K, 13, kQ3_K_L},
    {"Q4_K_S", DType::kQ4_K, 14, kQ4_K_S}, {"Q4_K_M", DType::kQ4_K, 15, kQ4_K_M},
    {"Q5_K_S", DType::kQ5_K, 16, {}},      {"Q5_K_M", DType::kQ5_K, 17, kQ5_K_M},
    {"Q6_K", DType::kQ6_K, 18, {}},        {"IQ4_NL", DType::kIQ4_NL, 25, kIQ4},
    {"IQ4_XS", DType::kIQ4_XS, 30, kIQ4},  {"MXFP4", DType::kMXFP4, 38, {}},
};

struct Alias {
  std::string_view name;
  std::string_view means;
};
constexpr Alias kAliases[] = {{"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::toupper(x) == std::toupper(y);
  });
}

bool contains(LayerSet layers, const TensorPlace& place) {
  const std::int64_t eighth = place.n_layers / 8;
  switch (layers) {
    case LayerSet::kAll:
      return true;
    case LayerSet::kFirstTwo:
      return place.layer < 2;
    case LayerSet::kFirstFour:
      return place.layer < 4;
    case LayerSet::kFirstSixteenth:
      return place.layer < place.n_layers / 16;
    case LayerSet::kFirstEighth:
      return place.layer < eighth;
    case LayerSet::kSpread:
      return place.layer < eighth || place.layer >= 7 * place.n_layers / 8 ||
             (place.layer - eighth) % 3 == 2;
    case LayerSet::kAllGrouped:
      return place.heads_per_kv_head >= 4;
  }
  return false;
}

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

DType with_small_blocks(DType type) {
  switch (type) {
    case DType::kQ4_K:
      return DType::kQ5_0;
    case DType::kQ5_K:
      return DType::kQ5_1;
    case DType::kQ6_K:
      return DType::kQ8_0;
    default:
      return DType::kIQ4_NL;
  }
}

}  // namespace

TensorRole tensor_role(std::string_view name) {
  struct Ending {
    std::string_view text;
    Role role;
  };
  constexpr Ending kEndings[] = {{".attn_v.weight", Role::kAttentionV},
                                 {".attn_qkv.weight", Role::kAttentionQkv},
                                 {".attn_output.weight", Role::kAttentionOutput},
                                 {".ffn_down.weight", Role::kFfnDown}};
  if (name == "token_embd.weight") return Role::kEmbedding;
  if (name == "output.weight") return Role::kOutput;
  for (const Ending& ending : kEndings) {
    if (name.ends_with(ending.text)) return ending.role;
  }
  return Role::kOther;
}

const TypeMix* find_type_mix(std::string_view name) {
  for (const Alias& alias : kAliases) {
    if (same_word(name, alias.name)) name = alias.means;
  }
  for (const TypeMix& mix : kMixes) {
    if (same_word(name, mix.name)) return &mix;
  }
  return nullptr;
}

std::vector<std::string_view> type_mix_names() {
  std::vector<std::string_view> names;
  for (const TypeMix& mix : kMixes) names.push_back(mix.name);
  for (const Alias& alias : kAliases) names.push_back(alias.name);
  return names;
}

DType mix_type(const TypeMix& mix, const TensorPlace& place) {
  if (is_float(mix.base)) return mix.base;
  if (place.role == Role::kOutput) return mix.base == DType::kQ8_0 ? mix.base : DType::kQ6_K;
  for (const MixRule& rule : mix.rules) {
    if (rule.role == place.role && contains(rule.layers, place)) return rule.type;
  }
  return mix.base;
}

DType fitting_type(DType type, std::int64_t n_cols) {
  if (n_cols % dtype_info(type).block_size == 0) return type;
  const DType smaller = with_small_blocks(type);
  return n_cols % dtype_info(smaller).block_size == 0 ? smaller : DType::kF16;
}

}  // namespace slip
