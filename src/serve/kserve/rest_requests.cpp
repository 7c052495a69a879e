#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "formats/json.h"
#include "serve/fields.h"
#include "serve/kserve/rest_messages.h"

namespace slip {
namespace {

using boost::json::value;

// Where the JSON ends and binary data begins.
constexpr const char* kJsonBytes = "Inference-Header-Content-Length";

struct Body {
  boost::json::object json;
  std::string_view binary;
};

Reply<Body> parse_parts(const HttpRequest& http) {
  std::string_view json = http.body;
  Body body;
  if (const std::string* header = http.headers.find(kJsonBytes)) {
    std::size_t n_bytes = 0;
    const char* end = header->data() + header->size();
    const auto parsed = std::from_chars(header->data(), end, n_bytes);
    if (parsed.ec != std::errc() || parsed.ptr != end || n_bytes > json.size()) {
      return bad_field(kJsonBytes, "invalid_value", "expected 0 … {}, got '{}'", json.size(),
                       *header);
    }
    body.binary = json.substr(n_bytes);
    json = json.substr(0, n_bytes);
  }
  body.json = SLIP_TRY(parse_body(json));
  return body;
}

Reply<InferParameters> parse_parameters(const boost::json::object* object) {
  InferParameters parameters;
  if (object == nullptr) return parameters;
  for (const auto& [key, item] : *object) {
    const auto add = [&, name = std::string(key)](auto parameter) {
      parameters.emplace_back(name, InferParameter(std::move(parameter)));
    };
    if (item.is_bool()) {
      add(item.get_bool());
    } else if (const auto integer = as_integer(item); integer && !item.is_double()) {
      add(*integer);
    } else if (item.is_number()) {
      add(item.to_number<double>());
    } else if (item.is_string()) {
      add(std::string(item.get_string()));
    } else if (!item.is_null()) {
      return bad_field(key, "invalid_type", "expected a scalar, got {}", json_kind(item));
    }
  }
  return parameters;
}

// Nested lists are the tensor's rows.
Reply<> append_data(const Fields& fields, const boost::json::array& list, InferTensor& tensor) {
  for (const value& item : list) {
    if (item.is_array()) {
      SLIP_TRY(append_data(fields, item.get_array(), tensor));
    } else if (item.is_string()) {
      tensor.texts.emplace_back(item.get_string());
    } else if (item.is_bool()) {
      tensor.numbers.push_back(item.get_bool());
    } else if (const auto integer = as_integer(item)) {
      tensor.numbers.push_back(*integer);
    } else {
      return fields.wrong_type("data", "strings, booleans or integers", item);
    }
  }
  return {};
}

// Takes its part of the binary data, if it has one.
Reply<InferTensor> parse_tensor(const Fields& fields, std::string_view& binary) {
  // Not in one initialiser: leaving it half way through leaks what has been made.
  InferTensor tensor;
  tensor.name = SLIP_TRY(fields.required_string("name"));
  tensor.datatype = SLIP_TRY(fields.required_string("datatype"));
  SLIP_TRY(fields.require("shape"));
  for (const value& dim : *SLIP_TRY(fields.array("shape"))) {
    const auto integer = as_integer(dim);
    if (!integer) return fields.wrong_type("shape", "integers", dim);
    tensor.shape.push_back(*integer);
  }
  if (const auto* parameters = SLIP_TRY(fields.object("parameters"))) {
    const Fields named(*parameters, fields.path("parameters."));
    if (named.find("shared_memory_region") != nullptr) {
      return bad_field(named.path("shared_memory_region"), "invalid_value",
                       "expected none: there is no shared memory");
    }
    const auto n_bytes =
        SLIP_TRY(named.integer("binary_data_size", {0, static_cast<std::int64_t>(binary.size())}));
    if (n_bytes) {
      tensor.is_raw = true;
      tensor.raw = binary.substr(0, static_cast<std::size_t>(*n_bytes));
      binary.remove_prefix(tensor.raw.size());
      return tensor;
    }
  }
  SLIP_TRY(fields.require("data"));
  const boost::json::array& data = *SLIP_TRY(fields.array("data"));
  SLIP_TRY(append_data(fields, data, tensor));
  return tensor;
}

Reply<std::vector<InferTensor>> parse_inputs(const Fields& body, std::string_view binary) {
  SLIP_TRY(body.require("inputs"));
  std::vector<InferTensor> inputs;
  for (const value& item : *SLIP_TRY(body.array("inputs"))) {
    const std::string name = fmt::format("inputs[{}]", inputs.size());
    if (!item.is_object()) return body.wrong_type(name, "an object", item);
    inputs.push_back(SLIP_TRY(parse_tensor(Fields(item.get_object(), name + "."), binary)));
  }
  if (binary.empty()) return inputs;
  return bad_field("inputs", "invalid_value", "{} bytes of binary data belong to no tensor",
                   binary.size());
}

Reply<> parse_outputs(const Fields& body, RestInferRequest& parsed) {
  const auto* outputs = SLIP_TRY(body.array("outputs"));
  if (outputs == nullptr) return {};
  for (const value& item : *outputs) {
    const std::string path = fmt::format("outputs[{}]", parsed.request.outputs.size());
    if (!item.is_object()) return body.wrong_type(path, "an object", item);
    const Fields fields(item.get_object(), path + ".");
    const std::string name = SLIP_TRY(fields.required_string("name"));
    parsed.request.outputs.push_back(name);
    const auto* parameters = SLIP_TRY(fields.object("parameters"));
    if (parameters == nullptr) continue;
    const Fields named(*parameters, fields.path("parameters."));
    if (const auto binary = SLIP_TRY(named.boolean("binary_data"))) {
      parsed.binary_outputs.emplace_back(name, *binary);
    }
    SLIP_TRY(named.reject_unknown());
  }
  return {};
}

ModelName model_of(const HttpRequest& http) {
  return {.name = std::string(http.parameter("model")),
          .version = std::string(http.parameter("version"))};
}

bool is_control(std::string_view name) {
  if (name == "timeout") return true;
  return std::any_of(std::begin(kInputTensors), std::end(kInputTensors),
                     [name](const TensorSpec& spec) { return name == spec.name; });
}

// Sampling parameters, which may be lists and objects here, go on as the tensor of that name.
Reply<> add_sampling(boost::json::object sampling, const value* given, InferRequest& request) {
  if (given != nullptr) {
    value parsed = *given;
    if (given->is_string()) {
      parsed = SLIP_TRY(
          to_reply(parse_json(std::string_view(given->get_string()), "sampling_parameters")));
    }
    if (!parsed.is_object()) {
      return bad_field("sampling_parameters", "invalid_type", "expected a JSON object, got {}",
                       json_kind(parsed));
    }
    for (const auto& [key, item] : parsed.get_object()) sampling[key] = item;
  }
  if (sampling.empty()) return {};
  request.inputs.push_back({.name = "sampling_parameters",
                            .datatype = "BYTES",
                            .shape = {1},
                            .texts = {boost::json::serialize(sampling)}});
  return {};
}

Reply<InferTensor> parse_text_input(const Fields& body) {
  const value& given = *SLIP_TRY(body.require("text_input"));
  InferTensor tensor{.name = "text_input", .datatype = "BYTES"};
  if (given.is_string()) {
    tensor.texts.emplace_back(given.get_string());
  } else if (given.is_array()) {
    SLIP_TRY(append_data(body, given.get_array(), tensor));
  } else {
    return body.wrong_type("text_input", "a string or an array of strings", given);
  }
  tensor.shape.push_back(std::ssize(tensor.texts));
  return tensor;
}

}  // namespace

bool RestInferRequest::is_binary(std::string_view output) const {
  for (const auto& [name, binary] : binary_outputs) {
    if (name == output) return binary;
  }
  return binary_by_default;
}

Reply<RestInferRequest> parse_rest_infer(const HttpRequest& http) {
  const Body parts = SLIP_TRY(parse_parts(http));
  const Fields body(parts.json);
  RestInferRequest parsed;
  parsed.request.model = model_of(http);
  parsed.request.id = SLIP_TRY(body.string("id")).value_or("");
  InferParameters& parameters = parsed.request.parameters;
  const auto* given = SLIP_TRY(body.object("parameters"));
  parameters = SLIP_TRY(parse_parameters(given));
  std::erase_if(parameters, [&parsed](const auto& item) {
    if (item.first != "binary_data_output") return false;
    const bool* value = std::get_if<bool>(&item.second);
    parsed.binary_by_default = value != nullptr && *value;
    return true;
  });
  parsed.request.inputs = SLIP_TRY(parse_inputs(body, parts.binary));
  SLIP_TRY(parse_outputs(body, parsed));
  return parsed;
}

Reply<InferRequest> parse_rest_generate(const HttpRequest& http) {
  const Body parts = SLIP_TRY(parse_parts(http));
  const Fields body(parts.json);
  InferRequest request{.model = model_of(http)};
  request.id = SLIP_TRY(body.string("id")).value_or("");
  request.inputs.push_back(SLIP_TRY(parse_text_input(body)));
  boost::json::object controls, sampling;
  const auto sort = [&](std::string_view name, const value& item) {
    if (name == "sampling_parameters") return;
    (is_control(name) ? controls : sampling)[name] = item;
  };
  const value* given = body.find("sampling_parameters");
  if (const auto* parameters = SLIP_TRY(body.object("parameters"))) {
    for (const auto& [key, item] : *parameters) sort(key, item);
    if (given == nullptr) given = parameters->if_contains("sampling_parameters");
  }
  for (const auto& [key, item] : parts.json) {
    if (key != "id" && key != "text_input" && key != "parameters") sort(key, item);
  }
  request.parameters = SLIP_TRY(parse_parameters(&controls));
  SLIP_TRY(add_sampling(std::move(sampling), given, request));
  return request;
}

}  // namespace slip
