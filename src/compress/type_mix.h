// The quantisation types that users name ("Q4_K_M"): a type for most matrices, and which matrices
// get more bits. The mixes are those of published GGUF files, so that a name means the same size.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace slip {

// What a matrix does in a decoder, as far as mixes care.
enum class TensorRole {
  kOther,
  kEmbedding,
  kOutput,  // also the embedding table where it serves as the output matrix
  kAttentionV,
  kAttentionQkv,
  kAttentionOutput,
  kFfnDown,
};

// Of "blk.3.attn_v.weight" and the like.
TensorRole tensor_role(std::string_view name);

// Which layers of a model a rule is for.
enum class LayerSet {
  kAll,
  kFirstTwo,
  kFirstFour,
  kFirstSixteenth,
  kFirstEighth,
  kSpread,      // the first and last eighth, and every third between
  kAllGrouped,  // all, in models with four or more query heads to a key head
};

struct MixRule {
  TensorRole role;
  LayerSet layers;
  DType type;
};

struct TypeMix {
  std::string_view name;
  DType base;
  std::uint32_t file_type;         // GGUF's general.file_type
  std::span<const MixRule> rules;  // the first that fits a matrix counts
};

// By name, case-insensitive; "Q4_K" and "Q5_K" are their _M, "Q3_K" too. Null when unknown.
const TypeMix* find_type_mix(std::string_view name);
// Every name that find_type_mix knows.
std::vector<std::string_view> type_mix_names();

// Where a matrix stands in its model.
struct TensorPlace {
  TensorRole role = TensorRole::kOther;
  std::int64_t layer = 0;
  std::int64_t n_layers = 0;
  std::int64_t heads_per_kv_head = 1;
};

// What the mix makes of a matrix, whatever its columns. The output matrix gets Q6_K from every
// quantised type but Q8_0: its errors reach the logits undamped.
DType mix_type(const TypeMix& mix, const TensorPlace& place);

// `type`, or the next that can hold rows of `n_cols` where that isn't a multiple of its block:
// types with blocks of 32 and about as many bits (IQ4_NL for Q2_K, Q3_K and IQ4_XS, Q5_0 for Q4_K,
// Q5_1 for Q5_K, Q8_0 for Q6_K), and F16 where 32 doesn't divide the columns either.
DType fitting_type(DType type, std::int64_t n_cols);

}  // namespace slip
