#include "compress/quantize.h"

#include <fmt/format.h>

#include <algorithm>

#include "compress/fit_rows.h"
#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "formats/hf_folder.h"
#include "formats/shown.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

// Weights that are decoded, encoded and written at once.
constexpr std::int64_t kBatchWeights = 4 << 20;
constexpr std::size_t kCopyBytes = 16 << 20;
// Of the block formats' layouts: the one that every current file has.
constexpr std::uint32_t kQuantizationVersion = 2;

// Under the names that llama-quantize has for them.
void tell_imatrix(const QuantizeOptions& options, Metadata& metadata) {
  if (options.imatrix == nullptr) return;
  const Imatrix& imatrix = *options.imatrix;
  metadata.set("quantize.imatrix.file", options.imatrix_file);
  if (!imatrix.datasets.empty()) {
    metadata.set("quantize.imatrix.dataset", imatrix.datasets.front());
  }
  metadata.set("quantize.imatrix.entries_count", static_cast<std::uint32_t>(imatrix.sums.size()));
  metadata.set("quantize.imatrix.chunks_count", static_cast<std::uint32_t>(imatrix.n_chunks));
}

Metadata target_metadata(const GgufFile& source, const QuantizeOptions& options,
                         const std::string& parent_hash) {
  const TypePlanOptions& types = options.types;
  Metadata metadata = source.metadata();
  std::vector<std::string> stale;
  for (const Metadata::Entry& entry : metadata.entries()) {
    for (const char* prefix : {"split.", "quantize.imatrix.", "slipstream."}) {
      if (entry.key.starts_with(prefix)) stale.push_back(entry.key);
    }
  }
  for (const std::string& key : stale) metadata.erase(key);
  metadata.set("general.file_type", types.mix->file_type);
  metadata.set("general.quantization_version", kQuantizationVersion);
  metadata.set("slipstream.parent.hash", parent_hash);
  metadata.set("slipstream.parent.file", source.shards().front().path.filename().string());
  metadata.set("slipstream.quantize.type", std::string(types.mix->name));
  tell_imatrix(options, metadata);
  if (types.pure) metadata.set("slipstream.quantize.pure", true);
  std::vector<std::string> rules;
  for (const TypeOverride& rule : types.overrides) {
    rules.push_back(fmt::format("{}={}", rule.pattern, dtype_name(rule.type)));
  }
  if (types.output) rules.push_back(fmt::format("output={}", dtype_name(*types.output)));
  if (types.embedding) {
    rules.push_back(fmt::format("token_embd={}", dtype_name(*types.embedding)));
  }
  if (!rules.empty()) metadata.set("slipstream.quantize.tensor_types", MetaArray{rules});
  return metadata;
}

// Rows [begin, end) of a tensor.
struct Rows {
  const TensorView& tensor;
  std::int64_t begin;
  std::int64_t end;
};

// One tensor after another, in batches of rows.
class Encoder {
 public:
  Encoder(const QuantizeOptions& options, ThreadPool& pool, GgufWriter& writer)
      : options_(options),
        pool_(pool),
        writer_(writer),
        scratch_(static_cast<std::size_t>(pool.n_threads())) {}

  Result<> write(const TensorView& tensor, DType type) {
    if (type == tensor.dtype) return copy(tensor);
    importance_.clear();
    if (options_.imatrix != nullptr) importance_ = options_.imatrix->importance(tensor.name);
    const std::int64_t n_rows = tensor.n_rows();
    const std::int64_t step = std::max<std::int64_t>(1, kBatchWeights / tensor.n_cols());
    for (std::int64_t begin = 0; begin < n_rows; begin += step) {
      SLIP_TRY(check_cancel());
      SLIP_TRY(encode({tensor, begin, std::min(begin + step, n_rows)}, type));
      SLIP_TRY(writer_.append(encoded_));
      on_batch((std::min(begin + step, n_rows) - begin) * tensor.n_cols());
    }
    return {};
  }

  // Called with each batch's number of weights, once it is written.
  std::function<void(std::int64_t)> on_batch;

 private:
  Result<> check_cancel() const {
    if (options_.cancel == nullptr || !options_.cancel->load(std::memory_order_relaxed)) return {};
    return fail(ErrorKind::kCancelled, "quantize: stopped");
  }

  Result<> copy(const TensorView& tensor) {
    for (std::size_t at = 0; at < tensor.bytes.size(); at += kCopyBytes) {
      SLIP_TRY(check_cancel());
      const std::size_t n = std::min(kCopyBytes, tensor.bytes.size() - at);
      SLIP_TRY(writer_.append(tensor.bytes.subspan(at, n)));
      on_batch(0);
    }
    on_batch(tensor.n_elements());
    return {};
  }

  Result<> encode(const Rows& rows, DType type) {
    const std::int64_t n_cols = rows.tensor.n_cols();
    const DTypeInfo& info = dtype_info(type);
    const std::int64_t row_bytes = n_cols / info.block_size * info.block_bytes;
    encoded_.resize(static_cast<std::size_t>((rows.end - rows.begin) * row_bytes));
    const QuantFormat& from = quant_format(rows.tensor.dtype);
    const QuantFormat& to = quant_format(type);
    for (std::vector<float>& values : scratch_) values.resize(static_cast<std::size_t>(n_cols));
    const auto fit = [&](std::int64_t row, int thread) {
      std::vector<float>& values = scratch_[static_cast<std::size_t>(thread)];
      from.decode_row(rows.tensor.row(rows.begin + row), n_cols, values.data());
      return to.fit_row(values.data(), importance_.empty() ? nullptr : importance_.data(), n_cols,
                        encoded_.data() + row * row_bytes);
    };
    return fit_rows(
        pool_, {.tensor = rows.tensor.name, .begin = rows.begin, .end = rows.end, .n_cols = n_cols},
        fit);
  }

  const QuantizeOptions& options_;
  ThreadPool& pool_;
  GgufWriter& writer_;
  std::vector<std::vector<float>> scratch_;  // a row for each thread
  std::vector<float> importance_;            // of the tensor's columns; empty: all alike
  std::vector<std::byte> encoded_;
};

// The matrices that will be encoded and that the imatrix doesn't know.
Result<std::vector<std::string>> check_imatrix(const GgufFile& model, const TypePlan& plan,
                                               const Imatrix& imatrix) {
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorView& tensor = model.tensors()[i];
    if (plan.types[i] == tensor.dtype || !quant_format(plan.types[i]).is_quantized()) continue;
    const auto n_known = std::ssize(imatrix.importance(tensor.name));
    if (n_known == 0) unknown.push_back(tensor.name);
    if (n_known != 0 && n_known != tensor.n_cols()) {
      return invalid("imatrix: expected {} columns for tensor {}, got {}", tensor.n_cols(),
                     shown(tensor.name), n_known);
    }
  }
  return unknown;
}

}  // namespace

Result<QuantizeReport> quantize_model(const fs::path& source, const fs::path& target,
                                      const QuantizeOptions& options, ThreadPool& pool) {
  if (HfFolder::is_folder(source)) {
    return fail(ErrorKind::kUnsupported, "{}: expected a GGUF file, got a safetensors folder",
                source.string());
  }
  const GgufFile model = SLIP_TRY(GgufFile::open(source));
  SLIP_TRY(check_target(model, target, options.existing));
  TypePlan plan = SLIP_TRY(plan_types(model.metadata(), model.tensors(), options.types));

  QuantizeReport report{.source = summarize(model), .fallbacks = std::move(plan.fallbacks)};
  if (options.imatrix != nullptr) {
    report.without_importance = SLIP_TRY(check_imatrix(model, plan, *options.imatrix));
  }
  std::vector<GgufTensorSpec> specs;
  std::int64_t n_weights = 0;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorView& tensor = model.tensors()[i];
    const QuantFormat* format = find_quant_format(tensor.dtype);
    report.was_quantized |= format != nullptr && format->is_quantized();
    specs.push_back({tensor.name, plan.types[i], tensor.shape, std::nullopt});
    n_weights += tensor.n_elements();
  }
  report.parent_hash = content_hash(model);
  const Metadata metadata = target_metadata(model, options, report.parent_hash);
  GgufWriter writer = SLIP_TRY(GgufWriter::create(target, metadata, specs));
  Encoder encoder(options, pool, writer);
  encoder.on_batch = [&, done = std::int64_t{0}](std::int64_t n) mutable {
    for (const MappedFile& mapping : model.mappings()) mapping.release();
    done += n;
    if (options.on_progress) options.on_progress(done, n_weights);
  };
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    SLIP_TRY(encoder.write(model.tensors()[i], plan.types[i]));
  }
  SLIP_TRY(writer.finish());
  report.target = summarize(SLIP_TRY(GgufFile::open(target)));
  return report;
}

}  // namespace slip
