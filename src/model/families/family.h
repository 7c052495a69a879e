// A family of models: which files it reads and what they mean. One file of this folder defines one
// family and its presence registers it; docs/adding-a-model-family.md walks through it.
#pragma once

#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/result.h"
#include "model/config.h"
#include "model/config_keys.h"

namespace slip {

// A tensor of a layer: its name in Hugging Face checkpoints (below "model.layers.N.") and ours
// (below "blk.N."), both without ".weight" or ".bias".
struct LayerTensorName {
  std::string_view hf;
  std::string_view canonical;
};

struct Family {
  std::string_view name;
  // Values of GGUF's general.architecture. Empty when GGUF files use another family's.
  std::vector<std::string_view> gguf_names = {};
  // Class names in config.json's "architectures", and its "model_type".
  std::vector<std::string_view> hf_names = {};

  // Both fill everything but family, name and, for GGUF, n_vocab where no key gives it; the caller
  // checks the result with check_config.
  Result<ModelConfig> (*from_gguf)(const Metadata& metadata) = nullptr;
  // `json`: config.json flattened, nested objects joined with dots, null fields absent.
  Result<ModelConfig> (*from_hf)(const Metadata& json) = nullptr;

  // Names that differ from llama's, which are the common ones (tensor_names.cpp).
  std::vector<LayerTensorName> hf_layer_tensors = {};
  // Whether the output matrix is the embedding table when config.json doesn't say.
  bool hf_tied = false;
};

// Every family, in alphabetical order (generated: cmake/SlipModule.cmake, slip_registry).
std::vector<const Family*> families();

// By GGUF's general.architecture; by config.json. kUnsupported, listing the known names.
Result<const Family*> family_of_gguf(std::string_view architecture);
Result<const Family*> family_of_hf(const Metadata& json);

// ---- Building blocks --------------------------------------------------------------------------

// The part of a decoder's configuration that all GGUF architectures spell alike. `architecture`
// prefixes the keys. RoPE pairs are halves unless the family says otherwise; one RopeSpec.
Result<ModelConfig> decoder_from_gguf(const Metadata& metadata, std::string_view architecture);

// What a family assumes where config.json is silent; 0 = the field is required (or, for
// n_kv_heads and head_dim, follows from n_heads and d_model).
struct HfDefaults {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  int n_vocab = 0;
  int context_length = 0;
  double norm_eps = 1e-6;
  double rope_theta = 10000.0;
};
Result<ModelConfig> decoder_from_hf(const ConfigKeys& keys, const HfDefaults& defaults);

// RoPE of one kind of layer ("full_attention", "sliding_attention"; "" = the only kind) from
// rope_parameters (transformers 5) or rope_theta and rope_scaling (transformers 4).
struct HfRope {
  std::string_view layer_type;
  double default_theta = 10000.0;
  int head_dim = 0;
  int context_length = 0;
};
Result<RopeSpec> rope_from_hf(const ConfigKeys& keys, const HfRope& wanted);

// Which layers attend through a sliding window. GGUF: attention.sliding_window_pattern, an array of
// booleans or a period; HF: layer_types, or sliding_window_pattern. Of a period n, every n-th
// layer sees everything and the others a window.
Result<std::vector<bool>> sliding_layers_gguf(const ConfigKeys& keys, int n_layers, int period);
Result<std::vector<bool>> sliding_layers_hf(const ConfigKeys& keys, int n_layers, int period);
// Sets the window of the layers that slide.
void set_windows(ModelConfig& config, int window, const std::vector<bool>& slides);

// qwen2 and qwen3: use_sliding_window, sliding_window, and the first max_window_layers exempt.
Result<> set_qwen_windows(const ConfigKeys& keys, ModelConfig& config);

// What gemma2 and gemma3 share, whatever the file format.
void set_gemma_traits(ModelConfig& config);

}  // namespace slip
