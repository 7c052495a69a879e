#include "serve/kserve/rest_messages.h"
#include "serve/kserve/tensor_data.h"
#include "text/json_writer.h"

namespace slip {
namespace {

void write_head(JsonWriter& json, const InferRequest& asked) {
  json.begin_object().key("model_name").string(asked.model.name);
  json.key("model_version").string(kModelVersion);
  if (!asked.id.empty()) json.key("id").string(asked.id);
}

// Elements, one behind the other.
void write_elements(JsonWriter& json, const InferTensor& tensor) {
  for (const std::string& text : tensor.texts) json.string(text);
  for (const std::int64_t number : tensor.numbers) json.integer(number);
}

// Triton's protocol buffer as JSON.
const char* config_type(std::string_view datatype) {
  if (datatype == "BYTES") return "TYPE_STRING";
  return datatype == "BOOL" ? "TYPE_BOOL" : "TYPE_UINT32";
}

template <class Specs>
void write_metadata(JsonWriter& json, const Specs& specs) {
  json.begin_array();
  for (const TensorSpec& spec : specs) {
    json.begin_object().key("name").string(spec.name).key("datatype").string(spec.datatype);
    json.key("shape").begin_array().integer(spec.dim).end_array().end_object();
  }
  json.end_array();
}

template <class Specs>
void write_config(JsonWriter& json, const Specs& specs) {
  json.begin_array();
  for (const TensorSpec& spec : specs) {
    json.begin_object().key("name").string(spec.name);
    json.key("data_type").string(config_type(spec.datatype));
    json.key("dims").begin_array().integer(spec.dim).end_array();
    if (spec.is_optional) json.key("optional").boolean(true);
    json.end_object();
  }
  json.end_array();
}

void write_duration(JsonWriter& json, const char* name,
                    const InferenceStatistics::Duration& duration) {
  json.key(name).begin_object().key("count").unsigned_integer(duration.count);
  json.key("ns").unsigned_integer(duration.ns).end_object();
}

}  // namespace

std::string kserve_error_json(const ApiError& error) {
  return JsonWriter().begin_object().key("error").string(error.message).end_object().take_value();
}

RestInferResponse rest_infer_response(const RestInferRequest& asked,
                                      const InferResponse& response) {
  RestInferResponse made;
  JsonWriter json;
  write_head(json, asked.request);
  json.key("outputs").begin_array();
  for (const InferTensor& tensor : response.outputs) {
    json.begin_object().key("name").string(tensor.name);
    json.key("datatype").string(tensor.datatype).key("shape").integers(tensor.shape);
    if (asked.is_binary(tensor.name)) {
      const std::string raw = to_raw(tensor);
      json.key("parameters").begin_object().key("binary_data_size").unsigned_integer(raw.size());
      json.end_object();
      made.binary += raw;
    } else {
      json.key("data").begin_array();
      write_elements(json, tensor);
      json.end_array();
    }
    json.end_object();
  }
  made.json = json.end_array().end_object().take_value();
  return made;
}

std::string rest_generate_response(const InferRequest& asked, const InferResponse& response) {
  JsonWriter json;
  write_head(json, asked);
  for (const InferTensor& tensor : response.outputs) {
    json.key(tensor.name);
    const bool is_list = tensor.texts.size() + tensor.numbers.size() != 1;
    if (is_list) json.begin_array();
    write_elements(json, tensor);
    if (is_list) json.end_array();
  }
  return json.end_object().take_value();
}

std::string server_metadata_json(std::string_view version) {
  JsonWriter json;
  json.begin_object().key("name").string(kModelPlatform).key("version").string(version);
  json.key("extensions").begin_array();
  for (const char* extension : kServerExtensions) json.string(extension);
  return json.end_array().end_object().take_value();
}

std::string model_metadata_json(std::string_view name) {
  JsonWriter json;
  json.begin_object().key("name").string(name);
  json.key("versions").begin_array().string(kModelVersion).end_array();
  json.key("platform").string(kModelPlatform);
  json.key("inputs");
  write_metadata(json, kInputTensors);
  json.key("outputs");
  write_metadata(json, kOutputTensors);
  return json.end_object().take_value();
}

std::string model_config_json(std::string_view name) {
  JsonWriter json;
  json.begin_object().key("name").string(name).key("platform").string(kModelPlatform);
  json.key("backend").string(kModelPlatform);
  json.key("version_policy").raw(R"({"latest":{"num_versions":1}})");
  json.key("max_batch_size").integer(0);
  json.key("input");
  write_config(json, kInputTensors);
  json.key("output");
  write_config(json, kOutputTensors);
  json.key("model_transaction_policy").raw(R"({"decoupled":true})");
  return json.end_object().take_value();
}

std::string statistics_json(const std::vector<InferenceStatistics>& models) {
  JsonWriter json;
  json.begin_object().key("model_stats").begin_array();
  for (const InferenceStatistics& model : models) {
    json.begin_object().key("name").string(model.name).key("version").string(kModelVersion);
    json.key("last_inference").unsigned_integer(model.last_inference_ms);
    json.key("inference_count").unsigned_integer(model.inference_count);
    json.key("execution_count").unsigned_integer(model.execution_count);
    json.key("inference_stats").begin_object();
    write_duration(json, "success", model.success);
    write_duration(json, "fail", model.fail);
    write_duration(json, "queue", model.queue);
    for (const char* none : {"compute_input", "compute_output", "cache_hit", "cache_miss"}) {
      write_duration(json, none, {});
    }
    write_duration(json, "compute_infer", model.compute_infer);
    json.end_object().key("batch_stats").begin_array().end_array().end_object();
  }
  return json.end_array().end_object().take_value();
}

std::string repository_json(const std::vector<RepositoryEntry>& entries) {
  JsonWriter json;
  json.begin_array();
  for (const RepositoryEntry& entry : entries) {
    json.begin_object().key("name").string(entry.name).key("version").string(kModelVersion);
    json.key("state").string(entry.state).key("reason").string(entry.reason).end_object();
  }
  return json.end_array().take_value();
}

}  // namespace slip
