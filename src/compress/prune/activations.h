// What a model's layers are given and make of it when it reads a text.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ops/thread_pool.h"

namespace slip {

struct LayerActivations {
  // Block influence, 1 - the mean over tokens of cos(x before the layer, x after it), of the
  // residual stream x (Men et al. 2024, "ShortGPT").
  double influence = 0;
  // Σ x² over the tokens, by column of what the matrices take in: q, k and v; o; gate and up; down.
  std::vector<double> qkv, o, gate_up, down;
  // Σ x xᵀ of what `down` takes in, [d_ff][d_ff], the lower triangle; empty where not asked for.
  std::vector<float> down_products;
};

struct ActivationOptions {
  std::int64_t window = 512;  // tokens that are read together; what is left over is dropped
  std::int64_t max_windows = 32;
  // The layers whose down_products are wanted, [first, last).
  int first_products = 0, last_products = 0;
  const std::atomic<bool>* cancel = nullptr;
};

// Runs the model over the text; one entry a layer, the same for any number of threads. Errors:
// those of opening and loading; kInvalid for a text of less than one window; kCancelled.
Result<std::vector<LayerActivations>> measure_activations(const std::filesystem::path& model,
                                                          std::string_view text,
                                                          const ActivationOptions& options,
                                                          ThreadPool& pool);

}  // namespace slip
