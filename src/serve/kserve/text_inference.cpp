#include "serve/kserve/text_inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <limits>

#include "formats/json.h"
#include "serve/kserve/tensor_data.h"
#include "text/utf8.h"

namespace slip {
namespace {

// Inputs by their place in kInputTensors; null when left out.
using Inputs = std::array<InferTensor*, std::size(kInputTensors)>;

template <class Specs>
const TensorSpec* find_spec(const Specs& specs, std::string_view name) {
  const auto found = std::find_if(std::begin(specs), std::end(specs),
                                  [name](const TensorSpec& spec) { return name == spec.name; });
  return found == std::end(specs) ? nullptr : &*found;
}

template <class Specs>
std::string names_of(const Specs& specs) {
  std::string names;
  for (const TensorSpec& spec : specs) {
    if (!names.empty()) names += ", ";
    names += spec.name;
  }
  return names;
}

Reply<> check_elements(const TensorSpec& spec, InferTensor& tensor) {
  if (tensor.datatype != spec.datatype) {
    return bad_field(tensor.name, "invalid_type", "expected the datatype {}, got {}", spec.datatype,
                     tensor.datatype);
  }
  const auto n = n_elements(tensor.shape, kMaxPrompts);
  if (!n || *n == 0 || (spec.dim > 0 && *n != static_cast<std::size_t>(spec.dim))) {
    return bad_field(tensor.name, "invalid_value", "expected a shape of 1 … {} elements, got [{}]",
                     spec.dim > 0 ? static_cast<std::size_t>(spec.dim) : kMaxPrompts,
                     fmt::join(tensor.shape, ","));
  }
  if (tensor.is_raw) SLIP_TRY(decode_raw(tensor, *n));
  const bool is_text = std::string_view(spec.datatype) == "BYTES";
  const std::size_t got = is_text ? tensor.texts.size() : tensor.numbers.size();
  if (got != *n) {
    return bad_field(tensor.name, "invalid_value", "expected {} elements of type {}, got {}", *n,
                     spec.datatype, got);
  }
  for (const std::string& text : tensor.texts) {
    if (is_valid_utf8(text)) continue;
    return bad_field(tensor.name, "invalid_value", "expected UTF-8 text");
  }
  return {};
}

Reply<Inputs> sort_inputs(std::vector<InferTensor>& tensors) {
  Inputs inputs{};
  for (InferTensor& tensor : tensors) {
    const TensorSpec* spec = find_spec(kInputTensors, tensor.name);
    if (spec == nullptr) {
      return bad_field("inputs", "invalid_value", "expected {}, got '{}'", names_of(kInputTensors),
                       tensor.name);
    }
    InferTensor*& place = inputs[static_cast<std::size_t>(spec - kInputTensors)];
    if (place != nullptr) {
      return bad_field("inputs", "invalid_value", "expected '{}' once", tensor.name);
    }
    SLIP_TRY(check_elements(*spec, tensor));
    place = &tensor;
  }
  if (inputs[0] == nullptr) {
    return bad_field("inputs", "missing_required_parameter", "expected text_input, got none");
  }
  return inputs;
}

// The flag of an input tensor, or of a parameter of that name, which is taken out.
Reply<std::optional<bool>> take_flag(std::string_view name, const Inputs& inputs,
                                     InferParameters& parameters) {
  std::optional<bool> flag;
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [name](const auto& item) { return item.first == name; });
  if (found != parameters.end()) {
    const bool* value = std::get_if<bool>(&found->second);
    if (value == nullptr) return bad_field(name, "invalid_type", "expected a boolean");
    flag = *value;
    parameters.erase(found);
  }
  const TensorSpec* spec = find_spec(kInputTensors, name);
  const InferTensor* tensor = inputs[static_cast<std::size_t>(spec - kInputTensors)];
  if (tensor != nullptr) flag = tensor->numbers.front() != 0;
  return flag;
}

boost::json::value to_json_value(const InferParameter& parameter) {
  return std::visit([](const auto& value) { return boost::json::value(value); }, parameter);
}

// Clients of Triton's vLLM backend write numbers as strings too: {"temperature": "0.1"}.
void unquote(boost::json::object& parameters) {
  for (auto& [key, value] : parameters) {
    if (!value.is_string() || key == "stop" || key == "grammar") continue;
    const auto parsed = parse_json(std::string_view(value.get_string()), "");
    if (parsed && (parsed->is_number() || parsed->is_bool())) value = *parsed;
  }
}

Reply<GenerationOptions> parse_options(boost::json::object parameters,
                                       const SamplingParams& defaults) {
  unquote(parameters);
  const Fields fields(parameters);
  GenerationOptions options = SLIP_TRY(parse_generation_options(fields, defaults));
  options.max_tokens =
      SLIP_TRY(parse_answer_tokens(fields, "max_tokens")).value_or(kDefaultAnswerTokens);
  SLIP_TRY(fields.reject_unknown());
  return options;
}

// `row`: the JSON object of a text; empty: none.
Reply<GenerationOptions> parse_row(const boost::json::object& parameters, std::string_view row,
                                   const SamplingParams& defaults) {
  boost::json::object merged = parameters;
  if (!row.empty()) {
    const auto parsed = SLIP_TRY(to_reply(parse_json(row, "sampling_parameters")));
    if (!parsed.is_object()) {
      return bad_field("sampling_parameters", "invalid_type", "expected a JSON object, got {}",
                       json_kind(parsed));
    }
    for (const auto& [key, value] : parsed.get_object()) merged[key] = value;
  }
  return parse_options(std::move(merged), defaults);
}

Reply<> parse_all_options(const InferParameters& parameters, const InferTensor* rows,
                          const SamplingParams& defaults, TextInference& wanted) {
  boost::json::object shared;
  for (const auto& [name, value] : parameters) shared[name] = to_json_value(value);
  const std::size_t n_rows = rows == nullptr ? 1 : rows->texts.size();
  if (n_rows != 1 && n_rows != wanted.texts.size()) {
    return bad_field("sampling_parameters", "invalid_value",
                     "expected 1 element, or one for each of {} texts, got {}", wanted.texts.size(),
                     n_rows);
  }
  for (std::size_t i = 0; i < n_rows; ++i) {
    const std::string_view row = rows == nullptr ? std::string_view() : rows->texts[i];
    wanted.options.push_back(SLIP_TRY(parse_row(shared, row, defaults)));
    if (wanted.options[i].n != wanted.options[0].n) {
      return bad_field("n", "invalid_value", "expected the same for all texts");
    }
    wanted.stream |= wanted.options[i].stream;
  }
  wanted.options.resize(wanted.texts.size(), wanted.options.back());
  return {};
}

Reply<> choose_outputs(const std::vector<std::string>& asked, const Inputs& inputs,
                       InferParameters& parameters, TextInference& wanted) {
  const auto want = [&wanted](const std::string& name) {
    auto& names = wanted.outputs;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const std::string& name : asked) {
    if (find_spec(kOutputTensors, name) == nullptr) {
      return bad_field("outputs", "invalid_value", "expected {}, got '{}'",
                       names_of(kOutputTensors), name);
    }
    want(name);
  }
  if (asked.empty()) want("text_output");
  for (const TensorSpec& spec : kOutputTensors) {
    const std::string flag = std::string("return_") + spec.name;
    if (find_spec(kInputTensors, flag) == nullptr) continue;
    if (SLIP_TRY(take_flag(flag, inputs, parameters)).value_or(false)) want(spec.name);
  }
  return {};
}

// In microseconds; taken out.
Reply<std::int64_t> take_timeout(InferParameters& parameters) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [](const auto& item) { return item.first == "timeout"; });
  if (found == parameters.end()) return 0;
  const auto* value = std::get_if<std::int64_t>(&found->second);
  // As nanoseconds it must still be a number.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2'000;
  if (value == nullptr || *value < 0 || *value > kMost) {
    return bad_field("timeout", "invalid_value", "expected microseconds from 0 to {}", kMost);
  }
  const std::int64_t timeout_us = *value;
  parameters.erase(found);
  return timeout_us;
}

Reply<> check_counts(const TextInference& wanted) {
  const auto n_choices = wanted.texts.size() * static_cast<std::size_t>(wanted.options[0].n);
  if (n_choices > kMaxPrompts) {
    return bad_field("n", "invalid_value", "expected at most {} choices of all texts, got {}",
                     kMaxPrompts, n_choices);
  }
  if (!wanted.stream || n_choices == 1) return {};
  return bad_field("stream", "invalid_value", "expected it with one text and n = 1 only");
}

}  // namespace

Reply<TextInference> parse_text_inference(InferRequest request, const SamplingParams& defaults) {
  const Inputs inputs = SLIP_TRY(sort_inputs(request.inputs));
  InferParameters& parameters = request.parameters;
  TextInference wanted;
  SLIP_TRY(choose_outputs(request.outputs, inputs, parameters, wanted));
  wanted.stream = SLIP_TRY(take_flag("stream", inputs, parameters)).value_or(false);
  wanted.with_input =
      !SLIP_TRY(take_flag("exclude_input_in_output", inputs, parameters)).value_or(true);
  wanted.timeout_us = SLIP_TRY(take_timeout(parameters));
  wanted.texts = std::move(inputs[0]->texts);
  wanted.output_shape = inputs[0]->shape;
  SLIP_TRY(parse_all_options(parameters, inputs[2], defaults, wanted));
  SLIP_TRY(check_counts(wanted));
  if (wanted.stream && wanted.with_input) {
    return bad_field("exclude_input_in_output", "invalid_value",
                     "expected true in a stream, which has the answer alone");
  }
  const std::int64_t n = wanted.options[0].n;
  if (n > 1) wanted.output_shape = {std::ssize(wanted.texts), n};
  return wanted;
}

}  // namespace slip
