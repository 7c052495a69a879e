// Typed and bounded access to the keys that describe a model: GGUF's "llama.block_count" and the
// fields of a config.json alike (the latter flattened: "text_config.rope_parameters.factor").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/result.h"

namespace slip {

// Upper bounds of what a file may claim, far above any published model. They keep products of
// sizes well below 2^63 and what is allocated per layer in proportion.
inline constexpr int kMaxLayers = 1024;
inline constexpr int kMaxHeads = 1024;
inline constexpr int kMaxHeadDim = 2048;
inline constexpr int kMaxWidth = 1 << 20;  // of the residual stream and of the FFN
inline constexpr int kMaxVocab = 1 << 24;
inline constexpr int kMaxContext = 1 << 30;

// A view of Metadata under a prefix; the metadata must outlive it. Every message names the whole
// key. Absent keys give kNotFound where no fallback is passed, wrong types and ranges kInvalid.
class ConfigKeys {
 public:
  ConfigKeys(const Metadata& metadata, std::string prefix)
      : metadata_(&metadata), prefix_(std::move(prefix)) {}

  const Metadata& metadata() const { return *metadata_; }
  std::string path(std::string_view key) const { return prefix_ + std::string(key); }
  bool has(std::string_view key) const { return metadata_->contains(path(key)); }
  // The keys below one of these: "text_config." of a multimodal config.json.
  ConfigKeys below(std::string_view prefix) const { return {*metadata_, path(prefix)}; }

  // A size in 1 … max.
  Result<int> count(std::string_view key, int max, std::optional<int> fallback = {}) const;
  // A size where 0 (or absence) means "none".
  Result<int> count_or_zero(std::string_view key, int max) const;
  // One size for each layer: an array of n_layers or one value for all of them.
  Result<std::vector<int>> per_layer(std::string_view key, int n_layers, int max) const;
  // Finite.
  Result<double> number(std::string_view key, std::optional<double> fallback = {}) const;
  // Finite and above 0.
  Result<double> positive(std::string_view key, std::optional<double> fallback = {}) const;
  Result<std::vector<float>> floats(std::string_view key) const;
  Result<bool> boolean(std::string_view key, bool fallback) const;
  Result<std::string> string(std::string_view key, std::string fallback) const;

 private:
  const Metadata* metadata_;
  std::string prefix_;
};

}  // namespace slip
