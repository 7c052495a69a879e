#include <cstring>

#include "model/config_check.h"
#include "model/source_files.h"

namespace slip {
namespace {

class GgufSource final : public ModelSource {
 public:
  explicit GgufSource(GgufFile file) : file_(std::move(file)) {}

  Result<> read();

  std::vector<const MappedFile*> files() const override {
    std::vector<const MappedFile*> files;
    for (const MappedFile& file : file_.mappings()) files.push_back(&file);
    return files;
  }
  Result<std::unique_ptr<Tokenizer>> make_tokenizer() const override {
    return Tokenizer::from_metadata(file_.metadata());
  }
  Result<std::string> chat_template() const override {
    return file_.metadata().string_or("tokenizer.chat_template", "");
  }

 private:
  Result<> read_vocab_size();
  Result<std::vector<float>> rope_table(std::string_view name) const;
  Result<> read_rope_tables();

  GgufFile file_;
};

Result<> GgufSource::read() {
  const std::string architecture = SLIP_TRY(file_.metadata().string("general.architecture"));
  const Family* family = SLIP_TRY(family_of_gguf(architecture));
  config_ = SLIP_TRY(family->from_gguf(file_.metadata()));
  config_.family = family->name;
  SLIP_TRY(read_vocab_size());
  SLIP_TRY(read_rope_tables());
  SLIP_TRY(check_config(config_));
  sampling_ = SLIP_TRY(
      read_sampling(file_.metadata(), {.temperature = "general.sampling.temp",
                                       .top_k = "general.sampling.top_k",
                                       .top_p = "general.sampling.top_p",
                                       .min_p = "general.sampling.min_p",
                                       .typical_p = "general.sampling.typical_p",
                                       .repeat_penalty = "general.sampling.penalty_repeat",
                                       .penalty_window = "general.sampling.penalty_last_n"}));
  for (const TensorView& tensor : file_.tensors()) tensors_.emplace(tensor.name, tensor);
  return check_tensors(config_, tensors_);
}

// The embedding table decides: vocab_size is optional, and wrong in some files.
Result<> GgufSource::read_vocab_size() {
  const TensorView* table = file_.find("token_embd.weight");
  if (table == nullptr) {
    return fail(ErrorKind::kNotFound,
                "tensor token_embd.weight: not in the file; is it a vocabulary only?");
  }
  const std::int64_t n_rows = table->n_rows();
  if (n_rows < 1 || n_rows > kMaxVocab) {
    return invalid("tensor token_embd.weight: expected 1 to {} rows, got {}", kMaxVocab, n_rows);
  }
  config_.n_vocab = static_cast<int>(n_rows);
  const MetaValue* tokens = file_.metadata().find("tokenizer.ggml.tokens");
  const auto* array = tokens == nullptr ? nullptr : std::get_if<MetaArray>(tokens);
  if (array != nullptr && array->size() > static_cast<std::size_t>(n_rows)) {
    return invalid(
        "tokenizer.ggml.tokens: expected at most {} tokens, a row of token_embd.weight "
        "for each, got {}",
        n_rows, array->size());
  }
  return {};
}

// Empty when the file has no such tensor.
Result<std::vector<float>> GgufSource::rope_table(std::string_view name) const {
  const TensorView* tensor = file_.find(name);
  if (tensor == nullptr) return std::vector<float>{};
  if (tensor->dtype != DType::kF32) {
    return invalid("tensor {}: expected type F32, got {}", name, dtype_name(tensor->dtype));
  }
  if (tensor->n_elements() > kMaxHeadDim) {
    return invalid("tensor {}: expected at most {} elements, got {}", name, kMaxHeadDim,
                   tensor->n_elements());
  }
  std::vector<float> table(static_cast<std::size_t>(tensor->n_elements()));
  if (!table.empty()) std::memcpy(table.data(), tensor->bytes.data(), tensor->bytes.size());
  return table;
}

// Frequency tables that converters compute: Llama 3.1's rescaling, and LongRoPE's two factors.
Result<> GgufSource::read_rope_tables() {
  const std::vector<float> freqs = SLIP_TRY(rope_table("rope_freqs.weight"));
  const std::vector<float> shorts = SLIP_TRY(rope_table("rope_factors_short.weight"));
  const std::vector<float> longs = SLIP_TRY(rope_table("rope_factors_long.weight"));
  for (RopeSpec& rope : config_.ropes) {
    rope.freq_factors = freqs;
    if (shorts.empty() && longs.empty()) continue;
    rope.scaling = RopeScaling::kLongRope;
    rope.factor =
        static_cast<double>(config_.context_length) / static_cast<double>(rope.original_context);
    rope.short_factors = shorts;
    rope.long_factors = longs;
    // LongRoPE's own factor of cos and sin; the key is there in every converted Phi 3.
    const std::string key = config_.family + ".rope.scaling.attn_factor";
    rope.attention_factor = SLIP_TRY(file_.metadata().number_or(key, 1.0));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ModelSource>> source_from_gguf(GgufFile file) {
  auto source = std::make_unique<GgufSource>(std::move(file));
  SLIP_TRY(source->read());
  return source;
}

}  // namespace slip
