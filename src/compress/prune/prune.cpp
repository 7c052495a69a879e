#include "compress/prune/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compress/prune/cut.h"
#include "compress/prune/cut_writer.h"
#include "compress/prune/importance.h"
#include "formats/gguf_writer.h"
#include "formats/hf_folder.h"
#include "formats/shown.h"
#include "model/source.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

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

std::vector<LayerCut> plan_layers(const GgufFile& model, const ModelConfig& config,
                                  const PruneOptions& options, ThreadPool& pool) {
  const Importance importance(model, config, pool);
  std::vector<LayerCut> layers;
  for (LayerCut& cut : whole_model(config)) {
    const std::vector<int>& out = options.layers;
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

void describe(Metadata& metadata, const PruneOptions& options, const PruneReport& report) {
  if (!report.layers.empty()) {
    metadata.set("slipstream.prune.layers",
                 MetaArray{std::vector<std::int32_t>(report.layers.begin(), report.layers.end())});
  }
  const auto share = [&](const char* key, double value) {
    if (value > 0) metadata.set(fmt::format("slipstream.prune.{}", key), value);
  };
  share("ffn_channels", options.ffn_channels);
  share("heads", options.heads);
  share("kv_groups", options.kv_groups);
  const ZeroOptions& zeros = options.zeros;
  if (zeros.group_size > 0) {
    metadata.set("slipstream.prune.pattern", fmt::format("{}:{}", zeros.n_kept, zeros.group_size));
  } else if (zeros.share > 0) {
    constexpr const char* kScopes[] = {"model", "matrix", "row"};
    share("zeros", zeros.share);
    metadata.set("slipstream.prune.scope",
                 std::string(kScopes[static_cast<std::size_t>(zeros.scope)]));
  }
}

Result<Metadata> target_metadata(const GgufFile& model, const ModelConfig& config,
                                 const std::vector<LayerCut>& layers) {
  Metadata metadata = SLIP_TRY(cut_metadata(model.metadata(), config, layers));
  std::vector<std::string> stale;
  for (const Metadata::Entry& entry : metadata.entries()) {
    if (entry.key.starts_with("split.") || entry.key.starts_with("slipstream.")) {
      stale.push_back(entry.key);
    }
  }
  for (const std::string& key : stale) metadata.erase(key);
  return metadata;
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

// The magnitudes up to which weights go, by tensor.
std::vector<float> thresholds(const ZeroOptions& zeros, const std::vector<TensorCut>& cuts,
                              ThreadPool& pool) {
  std::vector<float> limits(cuts.size(), -1.0f);
  if (zeros.share == 0 || zeros.group_size > 0 || zeros.scope == ZeroScope::kRow) return limits;
  std::vector<const TensorCut*> matrices;
  for (const TensorCut& cut : cuts) {
    if (cut.is_layer_matrix()) matrices.push_back(&cut);
  }
  const bool is_one = zeros.scope == ZeroScope::kModel;
  const float of_model = is_one ? magnitude_threshold(matrices, zeros.share, pool) : -1.0f;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    if (!cuts[i].is_layer_matrix()) continue;
    const TensorCut* const matrix = &cuts[i];
    limits[i] = is_one ? of_model : magnitude_threshold({&matrix, 1}, zeros.share, pool);
  }
  return limits;
}

Result<> write_cuts(const GgufFile& model, const std::vector<TensorCut>& cuts, CutWriter& writer,
                    const PruneOptions& options, ThreadPool& pool) {
  std::int64_t n_weights = 0;
  for (const TensorCut& cut : cuts) n_weights += cut.n_rows() * cut.n_cols();
  writer.on_batch = [&, done = std::int64_t{0}](std::int64_t n) mutable {
    for (const MappedFile& mapping : model.mappings()) mapping.release();
    done += n;
    if (options.on_progress) options.on_progress(done, n_weights);
  };
  const std::vector<float> limits = thresholds(options.zeros, cuts, pool);
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const bool zeros = options.zeros.any() && cuts[i].is_layer_matrix();
    SLIP_TRY(writer.write(cuts[i], zeros ? &options.zeros : nullptr, limits[i]));
  }
  return {};
}

PruneReport make_report(const GgufFile& model, const ModelConfig& config,
                        const std::vector<LayerCut>& layers, const std::vector<TensorCut>& cuts) {
  PruneReport report{.source = summarize(model)};
  report.n_layers = static_cast<int>(layers.size());
  report.d_ff = static_cast<int>(layers.front().channels.size());
  report.n_heads = static_cast<int>(layers.front().heads.size());
  report.n_kv_heads = static_cast<int>(layers.front().kv_heads.size());
  for (int i = 0; i < config.n_layers(); ++i) {
    const auto is_it = [i](const LayerCut& cut) { return cut.layer == i; };
    if (std::none_of(layers.begin(), layers.end(), is_it)) report.layers.push_back(i);
  }
  for (const TensorCut& cut : cuts) {
    const QuantFormat* format = find_quant_format(cut.source->dtype);
    const bool is_quantized = format != nullptr && format->is_quantized();
    if (is_quantized && !is_copied(cut)) report.encoded_again.push_back(cut.name);
  }
  return report;
}

}  // namespace

Result<PruneReport> prune_model(const fs::path& source, const fs::path& target,
                                const PruneOptions& options, ThreadPool& pool) {
  if (HfFolder::is_folder(source)) {
    return fail(ErrorKind::kUnsupported, "{}: expected a GGUF file, got a safetensors folder",
                source.string());
  }
  const auto opened = SLIP_TRY(open_model(source));
  const ModelConfig& config = opened->config();
  const GgufFile model = SLIP_TRY(GgufFile::open(source));
  SLIP_TRY(check_target(model, target, options.existing));
  SLIP_TRY(check_options(options, config));
  const std::vector<LayerCut> layers = plan_layers(model, config, options, pool);
  if (layers.empty()) return invalid("layers: expected at least one that stays, got none");
  const std::vector<TensorCut> cuts = cut_tensors(model, config, layers);
  SLIP_TRY(check_zeros(options.zeros, cuts));

  Metadata metadata = SLIP_TRY(target_metadata(model, config, layers));
  PruneReport report = make_report(model, config, layers, cuts);
  report.parent_hash = content_hash(model);
  metadata.set("slipstream.parent.hash", report.parent_hash);
  metadata.set("slipstream.parent.file", model.shards().front().path.filename().string());
  describe(metadata, options, report);

  std::vector<GgufTensorSpec> specs;
  for (const TensorCut& cut : cuts) {
    specs.push_back({cut.name, cut.source->dtype, cut.shape(), std::nullopt});
    if (options.zeros.any() && cut.is_layer_matrix())
      report.n_zeroable += cut.n_rows() * cut.n_cols();
  }
  GgufWriter file = SLIP_TRY(GgufWriter::create(target, metadata, specs));
  CutWriter writer(file, pool, options.cancel);
  SLIP_TRY(write_cuts(model, cuts, writer, options, pool));
  SLIP_TRY(file.finish());
  report.n_zeros = writer.n_zeros();
  report.target = summarize(SLIP_TRY(GgufFile::open(target)));
  return report;
}

}  // namespace slip
