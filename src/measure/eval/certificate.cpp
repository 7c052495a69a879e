#include "measure/eval/certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/hash.h"
#include "formats/gguf_writer.h"
#include "formats/hf_folder.h"

namespace slip {
namespace {

constexpr std::string_view kPrefix = "slipstream.quality.";
constexpr std::size_t kPieceBytes = 16 << 20;

std::string key(std::string_view name) {
  return std::string(kPrefix) + std::string(name);
}

void add_text(ContentHasher& hasher, std::string_view text) {
  const std::uint64_t n_bytes = text.size();
  hasher.add(std::as_bytes(std::span(&n_bytes, 1)));
  hasher.add(std::as_bytes(std::span(text)));
}

void add_tensor(ContentHasher& hasher, const TensorView& tensor) {
  add_text(hasher, tensor.name);
  add_text(hasher, dtype_name(tensor.dtype));
  add_text(hasher, fmt::format("{}", fmt::join(tensor.shape, " ")));
  hasher.add(tensor.bytes);
}

Result<> refuse_folder(const std::filesystem::path& path) {
  if (!HfFolder::is_folder(path)) return {};
  return fail(ErrorKind::kUnsupported,
              "{}: expected a GGUF file, got a safetensors folder, which carries no record of its "
              "quality",
              path.string());
}

void set_record(Metadata& metadata, const Certificate& c) {
  std::vector<std::string> stale;
  for (const Metadata::Entry& entry : metadata.entries()) {
    if (entry.key.starts_with(kPrefix)) stale.push_back(entry.key);
  }
  for (const std::string& name : stale) metadata.erase(name);
  metadata.set(key("weights_hash"), c.weights_hash);
  metadata.set(key("base_hash"), c.base_hash);
  metadata.set(key("base_file"), c.base_file);
  metadata.set(key("text_hash"), c.text_hash);
  metadata.set(key("arithmetic"), c.arithmetic);
  metadata.set(key("n_tokens"), c.n_tokens);
  metadata.set(key("n_windows"), c.n_windows);
  metadata.set(key("kl.mean"), c.kl);
  metadata.set(key("kl.low"), c.kl_interval.low);
  metadata.set(key("kl.high"), c.kl_interval.high);
  metadata.set(key("kl.p99"), c.kl_p99);
  metadata.set(key("kl.max"), c.kl_max);
  metadata.set(key("top1_agreement"), c.top1_agreement);
  metadata.set(key("perplexity"), c.perplexity);
  metadata.set(key("base_perplexity"), c.base_perplexity);
}

}  // namespace

std::string text_hash(std::string_view text) {
  return hash_text(content_hash(std::as_bytes(std::span(text))));
}

std::string weights_hash(const GgufFile& file) {
  ContentHasher hasher;
  const std::string architecture =
      file.metadata().string_or("general.architecture", "").value_or("");
  for (const Metadata::Entry& entry : file.metadata().entries()) {
    if (entry.key != "general.architecture" && !entry.key.starts_with(architecture + ".")) continue;
    add_text(hasher, entry.key);
    add_text(hasher, type_name(entry.value));
    add_text(hasher, to_text(entry.value, SIZE_MAX));
  }
  for (const TensorView& tensor : file.tensors()) {
    add_tensor(hasher, tensor);
    for (const MappedFile& mapping : file.mappings()) mapping.release();
  }
  return hash_text(hasher.value());
}

Result<std::string> weights_hash(const std::filesystem::path& model) {
  if (!HfFolder::is_folder(model)) return weights_hash(SLIP_TRY(GgufFile::open(model)));
  const HfFolder folder = SLIP_TRY(HfFolder::open(model));
  ContentHasher hasher;
  for (const TensorView& tensor : folder.tensors()) add_tensor(hasher, tensor);
  return hash_text(hasher.value());
}

Result<Certificate> read_certificate(const Metadata& metadata) {
  Certificate c;
  c.weights_hash = SLIP_TRY(metadata.string(key("weights_hash")));
  // From here on a key that is missing is a damaged record.
  const auto text = [&](const char* name) { return metadata.string_or(key(name), ""); };
  const auto number = [&](const char* name) -> Result<double> {
    const double value = SLIP_TRY(metadata.number_or(key(name), NAN));
    if (std::isfinite(value)) return value;
    return invalid("{}: expected a number, got none", key(name));
  };
  c.base_hash = SLIP_TRY(text("base_hash"));
  c.base_file = SLIP_TRY(text("base_file"));
  c.text_hash = SLIP_TRY(text("text_hash"));
  c.arithmetic = SLIP_TRY(text("arithmetic"));
  c.n_tokens = SLIP_TRY(metadata.integer_or(key("n_tokens"), 0));
  c.n_windows = SLIP_TRY(metadata.integer_or(key("n_windows"), 0));
  c.kl = SLIP_TRY(number("kl.mean"));
  c.kl_interval.low = SLIP_TRY(number("kl.low"));
  c.kl_interval.high = SLIP_TRY(number("kl.high"));
  c.kl_p99 = SLIP_TRY(number("kl.p99"));
  c.kl_max = SLIP_TRY(number("kl.max"));
  c.top1_agreement = SLIP_TRY(number("top1_agreement"));
  c.perplexity = SLIP_TRY(number("perplexity"));
  c.base_perplexity = SLIP_TRY(number("base_perplexity"));
  return c;
}

Result<> write_certificate(const std::filesystem::path& path, const Certificate& certificate) {
  SLIP_TRY(refuse_folder(path));
  const GgufFile model = SLIP_TRY(GgufFile::open(path));
  if (model.shards().size() > 1) {
    return fail(ErrorKind::kUnsupported, "{}: expected one file, got a split model", path.string());
  }
  if (const std::string hash = weights_hash(model); hash != certificate.weights_hash) {
    return invalid("{}: expected the weights that were measured, {}, got {}", path.string(),
                   certificate.weights_hash, hash);
  }
  Metadata metadata = model.metadata();
  set_record(metadata, certificate);
  std::vector<GgufTensorSpec> specs;
  for (const TensorView& tensor : model.tensors()) {
    specs.push_back({tensor.name, tensor.dtype, tensor.shape, std::nullopt});
  }
  GgufWriteOptions options;
  options.version = model.version();
  GgufWriter writer = SLIP_TRY(GgufWriter::create(path, metadata, specs, options));
  for (const TensorView& tensor : model.tensors()) {
    for (std::size_t at = 0; at < tensor.bytes.size(); at += kPieceBytes) {
      const std::size_t n = std::min(kPieceBytes, tensor.bytes.size() - at);
      SLIP_TRY(writer.append(tensor.bytes.subspan(at, n)));
      for (const MappedFile& mapping : model.mappings()) mapping.release();
    }
  }
  return writer.finish();
}

Result<double> parse_quality(std::string_view text) {
  constexpr std::string_view kName = "kl<=";
  if (text.starts_with(kName)) {
    const std::string_view number = text.substr(kName.size());
    double value = 0;
    const char* end = number.data() + number.size();
    const auto parsed = std::from_chars(number.data(), end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(value) && value >= 0) {
      return value;
    }
  }
  return invalid("expected kl<=X, for example kl<=0.02, got '{}'", text);
}

Result<> require_quality(const std::filesystem::path& path, double max_kl) {
  SLIP_TRY(refuse_folder(path));
  const GgufFile model = SLIP_TRY(GgufFile::open(path));
  const auto certificate = read_certificate(model.metadata());
  if (!certificate) {
    if (certificate.error().kind != ErrorKind::kNotFound) {
      return invalid("{}: {}", path.string(), certificate.error().message);
    }
    return invalid(
        "{}: expected a record of its quality, got none (slipstream eval --certify writes one)",
        path.string());
  }
  if (certificate->kl_interval.high > max_kl) {
    return invalid("{}: expected a mean KL divergence of at most {}, got {:.6f} ({:.6f} … {:.6f})",
                   path.string(), max_kl, certificate->kl, certificate->kl_interval.low,
                   certificate->kl_interval.high);
  }
  if (const std::string hash = weights_hash(model); hash != certificate->weights_hash) {
    return invalid("{}: expected the weights that its record was measured on, {}, got {}",
                   path.string(), certificate->weights_hash, hash);
  }
  return {};
}

}  // namespace slip
