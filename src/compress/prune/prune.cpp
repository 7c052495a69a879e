#include "compress/prune/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compress/prune/cut.h"
#include "compress/prune/cut_writer.h"
#include "compress/prune/plan.h"
#include "formats/gguf_writer.h"
#include "formats/hf_folder.h"
#include "formats/shown.h"
#include "model/source.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

void describe(Metadata& metadata, const PruneOptions& options, const PruneReport& report) {
  if (!report.layers.empty()) {
    metadata.set("slipstream.prune.layers",
                 MetaArray{std::vector<std::int32_t>(report.layers.begin(), report.layers.end())});
  }
  const auto share = [&](const char* key, double value) {
    if (value > 0) metadata.set(fmt::format("slipstream.prune.{}", key), value);
  };
  share("ffn_channels", options.ffn_channels);
  if (!options.text.empty()) metadata.set("slipstream.prune.by", std::string("activations"));
  if (options.repairs) metadata.set("slipstream.prune.repaired", true);
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

// What weights must be judged above to stay, by tensor.
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
  const auto [layers, cuts] = SLIP_TRY(plan_prune(model, source, {config, options}, pool));

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
