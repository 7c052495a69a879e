// What the forward pass may take for granted of a configuration and of the tensors beside it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "model/config.h"
#include "tensor/tensor_view.h"

namespace slip {

// Sizes within the bounds of config_keys.h, heads a multiple of key-value heads, RoPE within the
// head, every number finite. Errors: kInvalid, naming the layer.
Result<> check_config(const ModelConfig& config);

// Every tensor that the configuration calls for is there with the right shape, and no other one
// that would change the result: a bias or norm that the configuration doesn't know is
// kUnsupported. Fused matrices (attn_qkv; ffn_up with 2·d_ff rows) may stand for separate ones.
// Errors name tensor, expected and actual shape.
Result<> check_tensors(const ModelConfig& config,
                       const std::unordered_map<std::string, TensorView>& tensors);

}  // namespace slip
