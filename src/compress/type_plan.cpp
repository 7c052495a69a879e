#include "compress/type_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <regex>

#include "formats/shown.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

struct CompiledOverride {
  std::regex regex;
  DType type;
  const std::string* pattern;
  bool was_used = false;
};

Result<std::regex> compile(const std::string& pattern) {
  // The one use of exceptions: std::regex reports a bad pattern by nothing else.
  try {
    return std::regex(pattern, std::regex::ECMAScript | std::regex::icase);
  } catch (const std::regex_error&) {
    return invalid("tensor pattern {}: expected a regular expression, got a malformed one",
                   shown(pattern));
  }
}

// Matrices alone; vectors and what steers the computation keep their precision.
bool is_quantizable(const TensorView& tensor) {
  return tensor.shape.size() >= 2 && tensor.n_rows() > 1 && tensor.name.ends_with(".weight") &&
         tensor.name.find("norm") == std::string::npos &&
         find_quant_format(tensor.dtype) != nullptr;
}

// N of "blk.N.…"; 0 for what is in no layer.
std::int64_t layer_of(std::string_view name) {
  std::int64_t layer = 0;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

// A number that may be given once for all layers, or for each: the first then. 0 when absent.
std::int64_t first_integer(const Metadata& metadata, const std::string& key) {
  if (const auto one = metadata.integer(key)) return *one;
  const auto each = metadata.integers(key);
  return each && !each->empty() ? each->front() : 0;
}

class Planner {
 public:
  Planner(const Metadata& metadata, const std::vector<TensorView>& tensors,
          const TypePlanOptions& options)
      : options_(options) {
    const std::string prefix = metadata.string_or("general.architecture", "").value_or("") + ".";
    constexpr std::int64_t kMostLayers = 1 << 16;  // beyond, the number is nonsense
    n_layers_ =
        std::clamp<std::int64_t>(first_integer(metadata, prefix + "block_count"), 0, kMostLayers);
    const std::int64_t n_kv = first_integer(metadata, prefix + "attention.head_count_kv");
    if (n_kv > 0) grouping_ = first_integer(metadata, prefix + "attention.head_count") / n_kv;
    is_tied_ = std::none_of(tensors.begin(), tensors.end(),
                            [](const auto& t) { return t.name == "output.weight"; });
  }

  DType type_of(const TensorView& tensor) const {
    const TensorRole role = tensor_role(tensor.name);
    const bool is_output =
        role == TensorRole::kOutput || (role == TensorRole::kEmbedding && is_tied_);
    DType type = options_.mix->base;
    if (role == TensorRole::kEmbedding && options_.embedding) {
      type = *options_.embedding;
    } else if (is_output && options_.output) {
      type = *options_.output;
    } else if (!options_.pure) {
      type = mix_type(*options_.mix, {.role = is_output ? TensorRole::kOutput : role,
                                      .layer = layer_of(tensor.name),
                                      .n_layers = n_layers_,
                                      .heads_per_kv_head = grouping_});
    }
    return type;
  }

 private:
  const TypePlanOptions& options_;
  std::int64_t n_layers_ = 0;
  std::int64_t grouping_ = 1;
  bool is_tied_ = false;
};

// The first that matches; all that match count as used.
std::optional<DType> override_of(const TensorView& tensor, std::vector<CompiledOverride>& rules) {
  std::optional<DType> type;
  for (CompiledOverride& rule : rules) {
    if (!std::regex_search(tensor.name, rule.regex)) continue;
    rule.was_used = true;
    if (!type) type = rule.type;
  }
  return type;
}

Result<> check_fits(const TensorView& tensor, DType type) {
  const std::int64_t block = dtype_info(type).block_size;
  if (tensor.n_cols() % block == 0) return {};
  return invalid("tensor {}: expected a multiple of {} columns for type {}, got {}",
                 shown(tensor.name), block, dtype_name(type), tensor.n_cols());
}

}  // namespace

Result<DType> parse_tensor_type(std::string_view name) {
  const auto type = dtype_by_name(name);
  if (type && find_quant_format(*type) != nullptr) return *type;
  std::vector<std::string_view> names;
  for (const QuantFormat* format : quant_formats()) names.push_back(dtype_name(format->type));
  return invalid("tensor type: expected one of {}, got {}", fmt::join(names, ", "), shown(name));
}

Result<TypeOverride> parse_type_override(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) {
    return invalid("expected PATTERN=TYPE, got {}", shown(text));
  }
  TypeOverride override{.pattern = std::string(text.substr(0, equals)),
                        .type = SLIP_TRY(parse_tensor_type(text.substr(equals + 1)))};
  SLIP_TRY(compile(override.pattern));
  return override;
}

Result<TypePlan> plan_types(const Metadata& metadata, const std::vector<TensorView>& tensors,
                            const TypePlanOptions& options) {
  std::vector<CompiledOverride> overrides;
  for (const TypeOverride& override : options.overrides) {
    auto regex = SLIP_TRY(compile(override.pattern));
    overrides.push_back(
        {.regex = std::move(regex), .type = override.type, .pattern = &override.pattern});
  }
  const Planner planner(metadata, tensors, options);
  TypePlan plan;
  for (const TensorView& tensor : tensors) {
    DType& type = plan.types.emplace_back(tensor.dtype);
    if (!is_quantizable(tensor)) continue;
    if (const auto forced = override_of(tensor, overrides)) {
      SLIP_TRY(check_fits(tensor, *forced));
      type = *forced;
      continue;
    }
    const DType wanted = planner.type_of(tensor);
    type = fitting_type(wanted, tensor.n_cols());
    if (type != wanted) plan.fallbacks.push_back(tensor.name);
  }
  for (const CompiledOverride& override : overrides) {
    if (override.was_used) continue;
    return invalid("tensor pattern {}: expected a matrix with such a name, got none",
                   shown(*override.pattern));
  }
  return plan;
}

}  // namespace slip
