#include "compress/prune/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "compress/prune/activations.h"
#include "compress/prune/importance.h"
#include "formats/shown.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

using AllActivations = std::vector<LayerActivations>;

// Of Σ x xᵀ that are collected at a time; the text is read once for each such part of the layers.
constexpr std::int64_t kProductBytes = std::int64_t{1} << 30;

Result<> check_share(const char* what, double share) {
  if (share >= 0 && share < 1) return {};
  return invalid("{}: expected a share from 0 to below 1, got {}", what, share);
}

Result<> check_options(const PruneOptions& options, const ModelConfig& config) {
  SLIP_TRY(check_share("FFN channels", options.ffn_channels));
  SLIP_TRY(check_share("heads", options.heads));
  SLIP_TRY(check_share("key-value groups", options.kv_groups));
  SLIP_TRY(check_share("zeros", options.zeros.share));
  const ZeroOptions& zeros = options.zeros;
  if (zeros.group_size != 0 && (zeros.n_kept < 1 || zeros.n_kept >= zeros.group_size)) {
    return invalid("zeros: expected N:M with N from 1 to below M, got {}:{}", zeros.n_kept,
                   zeros.group_size);
  }
  const auto n_out = static_cast<std::int64_t>(options.layers.size()) + options.n_layers;
  if (options.n_layers < 0 || n_out >= config.n_layers()) {
    return invalid("layers: expected at least one that stays of {}, got {} to leave out",
                   config.n_layers(), n_out);
  }
  const bool needs_text = options.n_layers > 0 || options.repairs;
  if (needs_text && options.text.empty()) {
    return invalid("{}: expected a text to measure by, got none",
                   options.repairs ? "repair" : "layers by influence");
  }
  if (options.repairs && options.ffn_channels == 0) {
    return invalid("repair: expected FFN channels to leave out, got none");
  }
  for (const int layer : options.layers) {
    if (layer >= 0 && layer < config.n_layers()) continue;
    return invalid("layer {}: expected 0 … {}", layer, config.n_layers() - 1);
  }
  return {};
}

// `share` of `n` taken off, in steps of `step`; at least one step stays.
int rest_of(int n, double share, int step) {
  const double kept = static_cast<double>(n) * (1 - share) / step;
  return std::min(n, std::max(1, static_cast<int>(std::lround(kept))) * step);
}

// The query heads that stay in the groups that stay, as many in each.
std::vector<int> kept_heads(const std::vector<double>& importance, const std::vector<int>& kv_heads,
                            int group_size, int n_of_group) {
  std::vector<int> kept;
  for (const int kv : kv_heads) {
    const auto first = importance.begin() + kv * group_size;
    for (const int head : largest({first, first + group_size}, n_of_group)) {
      kept.push_back(kv * group_size + head);
    }
  }
  return kept;
}

std::vector<LayerCut> plan_layers(const GgufFile& model, const PruneRequest& request,
                                  const std::vector<int>& out, const Importance& importance) {
  const auto& [config, options] = request;
  std::vector<LayerCut> layers;
  for (LayerCut& cut : whole_model(config)) {
    if (std::find(out.begin(), out.end(), cut.layer) != out.end()) continue;
    const LayerRecipe& recipe = config.layers[static_cast<std::size_t>(cut.layer)];
    if (options.ffn_channels > 0) {
      const TensorView* down = model.find(fmt::format("blk.{}.ffn_down.weight", cut.layer));
      const auto block = static_cast<int>(dtype_info(down->dtype).block_size);
      const int n = rest_of(recipe.d_ff, options.ffn_channels, std::max(32, block));
      cut.channels = largest(importance.channels(cut.layer), n);
    }
    if (options.heads > 0 || options.kv_groups > 0) {
      const int group_size = recipe.n_heads / recipe.n_kv_heads;
      const int n_groups = rest_of(recipe.n_kv_heads, options.kv_groups, 1);
      cut.kv_heads = largest(importance.kv_heads(cut.layer), n_groups);
      cut.heads = kept_heads(importance.heads(cut.layer), cut.kv_heads, group_size,
                             rest_of(group_size, options.heads, 1));
    }
    layers.push_back(std::move(cut));
  }
  return layers;
}

Result<> check_zeros(const ZeroOptions& zeros, const std::vector<TensorCut>& cuts) {
  for (const TensorCut& cut : cuts) {
    if (!zeros.any() || !cut.is_layer_matrix()) continue;
    const QuantFormat& format = quant_format(cut.source->dtype);
    if (format.has_min || format.codebook != nullptr) {
      return fail(ErrorKind::kUnsupported,
                  "tensor {}: expected a type that has a zero, such as F16 or Q8_0, got {}",
                  shown(cut.name), dtype_name(cut.source->dtype));
    }
    if (zeros.group_size > 0 && cut.n_cols() % zeros.group_size != 0) {
      return invalid("tensor {}: expected a multiple of {} columns, got {}", shown(cut.name),
                     zeros.group_size, cut.n_cols());
    }
  }
  return {};
}

// The layers to leave out: those named, and of the others those with the least influence.
std::vector<int> layers_out(const PruneOptions& options, const AllActivations& activations) {
  std::vector<int> out = options.layers;
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  std::vector<int> order(activations.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return activations[static_cast<std::size_t>(a)].influence <
           activations[static_cast<std::size_t>(b)].influence;
  });
  const std::size_t n = out.size() + static_cast<std::size_t>(options.n_layers);
  for (const int layer : order) {
    if (out.size() == n) break;
    if (std::find(out.begin(), out.end(), layer) == out.end()) out.push_back(layer);
  }
  return out;
}

// The source's layer that a tensor of a layer comes from.
std::size_t source_layer(const TensorCut& cut) {
  std::size_t layer = 0;
  const std::string& name = cut.source->name;
  std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

// ‖x‖ of the columns that stay, from the sums of the matrix's input.
void set_input_norms(TensorCut& cut, const LayerActivations& seen) {
  const std::string_view name = cut.name;
  const std::vector<double>& sums = name.ends_with(".attn_output.weight")          ? seen.o
                                    : name.ends_with(".ffn_down.weight")           ? seen.down
                                    : name.find(".ffn_") != std::string_view::npos ? seen.gate_up
                                                                                   : seen.qkv;
  for (std::int64_t i = 0; i < cut.n_cols(); ++i) {
    const std::int64_t col = cut.cols ? (*cut.cols)[static_cast<std::size_t>(i)] : i;
    cut.input_norms.push_back(static_cast<float>(std::sqrt(sums[static_cast<std::size_t>(col)])));
  }
}

Result<> add_repairs(PrunePlan& plan, const std::filesystem::path& path,
                     const PruneRequest& request, ThreadPool& pool) {
  const std::int64_t d_ff = request.config.layers.front().d_ff;
  const auto at_once =
      static_cast<int>(std::max<std::int64_t>(1, kProductBytes / (d_ff * d_ff * 4)));
  for (int first = 0; first < request.config.n_layers(); first += at_once) {
    ActivationOptions options{.first_products = first, .last_products = first + at_once};
    options.cancel = request.options.cancel;
    AllActivations seen = SLIP_TRY(measure_activations(path, request.options.text, options, pool));
    for (TensorCut& cut : plan.cuts) {
      if (!cut.name.ends_with(".ffn_down.weight") || !cut.cols) continue;
      LayerActivations& layer = seen[source_layer(cut)];
      if (layer.down_products.empty()) continue;
      const std::vector<int> kept(cut.cols->begin(), cut.cols->end());
      cut.repair = std::make_shared<const Repair>(solve_repair(layer.down_products, kept, pool));
      layer.down_products = {};
    }
  }
  return {};
}

}  // namespace

Result<PrunePlan> plan_prune(const GgufFile& model, const std::filesystem::path& path,
                             const PruneRequest& request, ThreadPool& pool) {
  const auto& [config, options] = request;
  SLIP_TRY(check_options(options, config));
  AllActivations activations;
  if (!options.text.empty()) {
    activations =
        SLIP_TRY(measure_activations(path, options.text, {.cancel = options.cancel}, pool));
  }
  const Importance importance(model, config, activations, pool);
  PrunePlan plan;
  plan.layers = plan_layers(model, request, layers_out(options, activations), importance);
  plan.cuts = cut_tensors(model, config, plan.layers);
  SLIP_TRY(check_zeros(options.zeros, plan.cuts));
  for (TensorCut& cut : plan.cuts) {
    if (activations.empty() || !options.zeros.any() || !cut.is_layer_matrix()) continue;
    set_input_norms(cut, activations[source_layer(cut)]);
  }
  if (options.repairs) SLIP_TRY(add_repairs(plan, path, request, pool));
  return plan;
}

}  // namespace slip
