// Which type each tensor of a model is to be stored as.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/metadata.h"
#include "base/result.h"
#include "compress/type_mix.h"
#include "tensor/tensor_view.h"

namespace slip {

// A user's word on some tensors: all whose names match the pattern, a regular expression
// (ECMAScript) that is looked for anywhere in the name, upper and lower case alike.
struct TypeOverride {
  std::string pattern;
  DType type;
};

// "attn_v=Q6_K"; any type that has an encoder. kInvalid for anything else.
Result<TypeOverride> parse_type_override(std::string_view text);
// A type that tensors can be encoded as, by name, case-insensitive. kInvalid, listing them.
Result<DType> parse_tensor_type(std::string_view name);

struct TypePlanOptions {
  const TypeMix* mix = nullptr;
  bool pure = false;                                 // the mix's base type for every matrix
  std::optional<DType> output = {}, embedding = {};  // of output.weight and token_embd.weight
  std::vector<TypeOverride> overrides = {};  // the first that matches counts, before all else
};

struct TypePlan {
  std::vector<DType> types;            // one per tensor, in their order
  std::vector<std::string> fallbacks;  // matrices whose type fitting_type had to change
};

// Vectors, norms, biases, RoPE tables and tensors that hold no
// weights stay as they are. An embedding table that is also the output matrix counts as the output.
// An override that can't hold the tensor's rows, and a pattern that no tensor matches, are
// kInvalid; types of the mix fall back (fitting_type).
Result<TypePlan> plan_types(const Metadata& metadata, const std::vector<TensorView>& tensors,
                            const TypePlanOptions& options);

}  // namespace slip
