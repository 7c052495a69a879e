#include "model/source.h"

#include "model/source_files.h"

namespace slip {

const TensorView* ModelSource::find(std::string_view canonical_name) const {
  const auto it = tensors_.find(std::string(canonical_name));
  return it == tensors_.end() ? nullptr : &it->second;
}

Result<const TensorView*> ModelSource::require(std::string_view canonical_name) const {
  const TensorView* tensor = find(canonical_name);
  if (tensor == nullptr) {
    return fail(ErrorKind::kNotFound, "tensor {}: not in the model", canonical_name);
  }
  return tensor;
}

std::uint64_t ModelSource::tensor_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, tensor] : tensors_) sum += tensor.bytes.size();
  return sum;
}

std::uint64_t ModelSource::bytes_per_token() const {
  const TensorView* embedding = find("token_embd.weight");
  const bool is_output = find("output.weight") == nullptr;
  if (embedding == nullptr || is_output) return tensor_bytes();
  return tensor_bytes() - embedding->bytes.size() +
         static_cast<std::uint64_t>(embedding->row_bytes());
}

Result<SamplingHints> read_sampling(const Metadata& fields, const SamplingKeys& keys) {
  SamplingHints hints;
  const auto number = [&fields](const char* key, std::optional<double>& hint) -> Result<> {
    if (fields.contains(key)) hint = SLIP_TRY(fields.number(key));
    return {};
  };
  const auto integer = [&fields](const char* key, std::optional<std::int64_t>& hint) -> Result<> {
    if (key != nullptr && fields.contains(key)) hint = SLIP_TRY(fields.integer(key));
    return {};
  };
  SLIP_TRY(number(keys.temperature, hints.temperature));
  SLIP_TRY(number(keys.top_p, hints.top_p));
  SLIP_TRY(number(keys.min_p, hints.min_p));
  SLIP_TRY(number(keys.typical_p, hints.typical_p));
  SLIP_TRY(number(keys.repeat_penalty, hints.repeat_penalty));
  SLIP_TRY(integer(keys.top_k, hints.top_k));
  SLIP_TRY(integer(keys.penalty_window, hints.penalty_window));
  return hints;
}

namespace {

Result<std::unique_ptr<ModelSource>> open_any(const std::filesystem::path& path) {
  if (HfFolder::is_folder(path)) return source_from_hf(SLIP_TRY(HfFolder::open(path)));
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return invalid("expected a GGUF file or a folder with a config.json, got a folder without");
  }
  return source_from_gguf(SLIP_TRY(GgufFile::open(path)));
}

}  // namespace

Result<std::unique_ptr<ModelSource>> open_model(const std::filesystem::path& path) {
  auto source = open_any(path);
  if (!source && source.error().message.find(path.filename().string()) == std::string::npos) {
    source.error().message = path.string() + ": " + source.error().message;
  }
  return source;
}

}  // namespace slip
