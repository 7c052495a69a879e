#include <boost/json.hpp>
#include <cmath>

#include "model/config_check.h"
#include "model/source_files.h"
#include "model/tensor_names.h"

namespace slip {
namespace {

namespace json = boost::json;

std::optional<std::int64_t> whole_number(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  // Exactly representable, so that the conversion below is.
  if (value.is_double() && std::abs(value.get_double()) < 9e15 &&
      value.get_double() == std::floor(value.get_double())) {
    return static_cast<std::int64_t>(value.get_double());
  }
  return {};
}

template <class T, class F>
std::optional<MetaArray> array_of(const json::array& array, F&& convert) {
  std::vector<T> items;
  for (const json::value& value : array) {
    const auto item = convert(value);
    if (!item) return {};
    items.push_back(*item);
  }
  return MetaArray{std::move(items)};
}

std::optional<MetaArray> to_array(const json::array& array) {
  if (auto out = array_of<std::int64_t>(array, whole_number)) return out;
  if (auto out = array_of<double>(array, [](const json::value& v) -> std::optional<double> {
        if (!v.is_number()) return {};
        return v.to_number<double>();
      })) {
    return out;
  }
  return array_of<std::string>(array, [](const json::value& v) -> std::optional<std::string> {
    if (!v.is_string()) return {};
    return std::string(v.get_string());
  });
}

void flatten(const json::object& object, const std::string& prefix, Metadata& out) {
  for (const auto& [name, value] : object) {
    const std::string key = prefix + std::string(name);
    if (value.is_object()) {
      flatten(value.get_object(), key + ".", out);
    } else if (value.is_array()) {
      if (auto array = to_array(value.get_array())) out.set(key, std::move(*array));
    } else if (value.is_string()) {
      out.set(key, std::string(value.get_string()));
    } else if (value.is_bool()) {
      out.set(key, value.get_bool());
    } else if (const auto number = whole_number(value)) {
      out.set(key, *number);
    } else if (value.is_number()) {
      out.set(key, value.to_number<double>());
    }
  }
}

// eos_token_id: a number or a list of them.
void append_end_tokens(const json::object* object, int n_vocab, std::vector<int>& out) {
  const json::value* ids = object == nullptr ? nullptr : object->if_contains("eos_token_id");
  if (ids == nullptr) return;
  const json::array one = {*ids};
  for (const json::value& id : ids->is_array() ? ids->get_array() : one) {
    const auto number = whole_number(id);
    if (number && *number >= 0 && *number < n_vocab) out.push_back(static_cast<int>(*number));
  }
}

class HfSource final : public ModelSource {
 public:
  explicit HfSource(HfFolder folder) : folder_(std::move(folder)) {}

  Result<> read();

  std::vector<const MappedFile*> files() const override { return folder_.mappings(); }
  Result<std::unique_ptr<Tokenizer>> make_tokenizer() const override;
  Result<std::string> chat_template() const override;

 private:
  Result<> read_tensors(const Family& family);
  Result<> read_hints();

  HfFolder folder_;
  std::vector<int> end_tokens_;
};

Result<std::unique_ptr<Tokenizer>> HfSource::make_tokenizer() const {
  const std::string vocabulary = SLIP_TRY(folder_.tokenizer_json());
  std::string settings;
  if (folder_.has_file("tokenizer_config.json")) {
    settings = SLIP_TRY(folder_.text("tokenizer_config.json"));
  }
  auto tokenizer = SLIP_TRY(Tokenizer::from_hf(vocabulary, settings));
  for (const int id : end_tokens_) tokenizer->mark_end_of_generation(id);
  return tokenizer;
}

Result<std::string> HfSource::chat_template() const {
  const auto templates = SLIP_TRY(folder_.chat_templates());
  if (templates.empty()) return "";
  const auto it = templates.find("default");
  if (it != templates.end()) return it->second;
  return fail(ErrorKind::kUnsupported, "chat templates: expected one named default, got {} others",
              templates.size());
}

Result<> HfSource::read() {
  const Metadata fields = flatten_json(folder_.config());
  const Family* family = SLIP_TRY(family_of_hf(fields));
  config_ = SLIP_TRY(family->from_hf(fields));
  config_.family = family->name;
  SLIP_TRY(check_config(config_));
  SLIP_TRY(read_tensors(*family));

  const bool inner =
      SLIP_TRY(fields.boolean_or("text_config.tie_word_embeddings", family->hf_tied));
  const bool tied = SLIP_TRY(fields.boolean_or("tie_word_embeddings", inner));
  if (tied) {
    // Some checkpoints store the table twice all the same.
    tensors_.erase("output.weight");
  } else if (!tensors_.contains("output.weight")) {
    return fail(ErrorKind::kNotFound,
                "tensor lm_head.weight: expected one as tie_word_embeddings is false, got none");
  }
  append_end_tokens(folder_.generation_config(), config_.n_vocab, end_tokens_);
  if (end_tokens_.empty()) append_end_tokens(&folder_.config(), config_.n_vocab, end_tokens_);
  SLIP_TRY(read_hints());
  return check_tensors(config_, tensors_);
}

Result<> HfSource::read_hints() {
  if (folder_.generation_config() == nullptr) return {};
  const Metadata fields = flatten_json(*folder_.generation_config());
  // Where nothing is to be drawn, the parameters of the draw are leftovers.
  if (!SLIP_TRY(fields.boolean_or("do_sample", true))) return {};
  sampling_ = SLIP_TRY(read_sampling(fields, {.temperature = "temperature",
                                              .top_k = "top_k",
                                              .top_p = "top_p",
                                              .min_p = "min_p",
                                              .typical_p = "typical_p",
                                              .repeat_penalty = "repetition_penalty",
                                              .penalty_window = nullptr}));
  return {};
}

Result<> HfSource::read_tensors(const Family& family) {
  for (const TensorView& tensor : folder_.tensors()) {
    std::string name = canonical_name(family, tensor.name);
    if (name.empty()) continue;
    TensorView view = tensor;
    view.name = name;
    if (!tensors_.emplace(std::move(name), std::move(view)).second) {
      return invalid("tensor {}: expected one tensor of this meaning, got two", tensor.name);
    }
  }
  for (const OpaqueTensor& tensor : folder_.others()) {
    if (canonical_name(family, tensor.name).empty()) continue;
    return fail(ErrorKind::kUnsupported, "tensor {}: expected type F32, F16 or BF16, got {}",
                tensor.name, tensor.type);
  }
  return {};
}

}  // namespace

Metadata flatten_json(const boost::json::object& object) {
  Metadata out;
  flatten(object, "", out);
  return out;
}

Result<std::unique_ptr<ModelSource>> source_from_hf(HfFolder folder) {
  auto source = std::make_unique<HfSource>(std::move(folder));
  SLIP_TRY(source->read());
  return source;
}

}  // namespace slip
