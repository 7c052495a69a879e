#include "serve/grpc/messages.h"

#include <limits>

#include "serve/kserve/tensor_data.h"

namespace slip {
namespace {

template <class Map>
Reply<> refuse_shared_memory(const Map& parameters) {
  if (parameters.find("shared_memory_region") == parameters.end()) return {};
  return tl::unexpected(
      ApiError{.message = "shared_memory_region: expected none: there is no shared memory"});
}

Reply<InferParameter> to_parameter(const std::string& name,
                                   const inference::InferParameter& message) {
  using Choice = inference::InferParameter::ParameterChoiceCase;
  switch (message.parameter_choice_case()) {
    case Choice::kBoolParam:
      return InferParameter(message.bool_param());
    case Choice::kInt64Param:
      return InferParameter(message.int64_param());
    case Choice::kUint64Param:
      if (message.uint64_param() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        return InferParameter(static_cast<std::int64_t>(message.uint64_param()));
      }
      break;
    case Choice::kDoubleParam:
      return InferParameter(message.double_param());
    case Choice::kStringParam:
      return InferParameter(message.string_param());
    case Choice::PARAMETER_CHOICE_NOT_SET:
      break;
  }
  return tl::unexpected(ApiError{.message = fmt::format("parameter {}: expected a value", name)});
}

// Whichever field the elements are in: what they must be is checked elsewhere.
void append_contents(const inference::InferTensorContents& contents, InferTensor& tensor) {
  for (const std::string& text : contents.bytes_contents()) tensor.texts.push_back(text);
  const auto append = [&tensor](const auto& values) {
    for (const auto value : values) tensor.numbers.push_back(static_cast<std::int64_t>(value));
  };
  append(contents.bool_contents());
  append(contents.int_contents());
  append(contents.int64_contents());
  append(contents.uint_contents());
}

void write_duration(const InferenceStatistics::Duration& duration,
                    inference::StatisticDuration& message) {
  message.set_count(duration.count);
  message.set_ns(duration.ns);
}

inference::DataType config_type(std::string_view datatype) {
  if (datatype == "BYTES") return inference::TYPE_STRING;
  return datatype == "BOOL" ? inference::TYPE_BOOL : inference::TYPE_UINT32;
}

void write_spec(const TensorSpec& spec, inference::ModelMetadataResponse::TensorMetadata& message) {
  message.set_name(spec.name);
  message.set_datatype(spec.datatype);
  message.add_shape(spec.dim);
}

}  // namespace

grpc::Status to_status(const ApiError& error) {
  using Code = grpc::StatusCode;
  const auto code = [&error] {
    switch (error.status) {
      case 401:
        return Code::UNAUTHENTICATED;
      case 404:
        return Code::NOT_FOUND;
      case 429:
        return Code::RESOURCE_EXHAUSTED;
      case 499:
        return Code::CANCELLED;
      case 501:
        return Code::UNIMPLEMENTED;
      case 503:
        return Code::UNAVAILABLE;
      case 504:
        return Code::DEADLINE_EXCEEDED;
      default:
        return error.status < 500 ? Code::INVALID_ARGUMENT : Code::INTERNAL;
    }
  };
  return {code(), error.message};
}

Reply<InferRequest> to_infer_request(const inference::ModelInferRequest& message) {
  InferRequest request{.model = {.name = message.model_name(), .version = message.model_version()},
                       .id = message.id()};
  for (const auto& [name, parameter] : message.parameters()) {
    request.parameters.emplace_back(name, SLIP_TRY(to_parameter(name, parameter)));
  }
  const int n_raw = message.raw_input_contents_size();
  if (n_raw > 0 && n_raw != message.inputs_size()) {
    return tl::unexpected(ApiError{
        .message = fmt::format("raw_input_contents: expected {}, one for each input, got {}",
                               message.inputs_size(), n_raw)});
  }
  for (int i = 0; i < message.inputs_size(); ++i) {
    const auto& input = message.inputs(i);
    SLIP_TRY(refuse_shared_memory(input.parameters()));
    InferTensor tensor{.name = input.name(),
                       .datatype = input.datatype(),
                       .shape = {input.shape().begin(), input.shape().end()},
                       .is_raw = n_raw > 0};
    if (tensor.is_raw) {
      tensor.raw = message.raw_input_contents(i);
    } else {
      append_contents(input.contents(), tensor);
    }
    request.inputs.push_back(std::move(tensor));
  }
  for (const auto& output : message.outputs()) {
    SLIP_TRY(refuse_shared_memory(output.parameters()));
    request.outputs.push_back(output.name());
  }
  return request;
}

void write_response(const InferRequest& asked, const InferResponse& response,
                    inference::ModelInferResponse& message) {
  message.set_model_name(asked.model.name);
  message.set_model_version(kModelVersion);
  message.set_id(asked.id);
  for (const InferTensor& tensor : response.outputs) {
    auto& output = *message.add_outputs();
    output.set_name(tensor.name);
    output.set_datatype(tensor.datatype);
    output.mutable_shape()->Assign(tensor.shape.begin(), tensor.shape.end());
    message.add_raw_output_contents(to_raw(tensor));
  }
}

void write_metadata(const std::string& name, inference::ModelMetadataResponse& message) {
  message.set_name(name);
  message.add_versions(std::string(kModelVersion));
  message.set_platform(kModelPlatform);
  for (const TensorSpec& spec : kInputTensors) write_spec(spec, *message.add_inputs());
  for (const TensorSpec& spec : kOutputTensors) write_spec(spec, *message.add_outputs());
}

void write_config(const std::string& name, inference::ModelConfig& message) {
  message.set_name(name);
  message.set_platform(kModelPlatform);
  message.set_backend(kModelPlatform);
  message.mutable_version_policy()->mutable_latest()->set_num_versions(1);
  for (const TensorSpec& spec : kInputTensors) {
    auto& input = *message.add_input();
    input.set_name(spec.name);
    input.set_data_type(config_type(spec.datatype));
    input.add_dims(spec.dim);
    input.set_optional(spec.is_optional);
  }
  for (const TensorSpec& spec : kOutputTensors) {
    auto& output = *message.add_output();
    output.set_name(spec.name);
    output.set_data_type(config_type(spec.datatype));
    output.add_dims(spec.dim);
  }
  message.mutable_model_transaction_policy()->set_decoupled(true);
}

void write_statistics(const InferenceStatistics& statistics, inference::ModelStatistics& message) {
  message.set_name(statistics.name);
  message.set_version(kModelVersion);
  message.set_last_inference(statistics.last_inference_ms);
  message.set_inference_count(statistics.inference_count);
  message.set_execution_count(statistics.execution_count);
  auto& durations = *message.mutable_inference_stats();
  write_duration(statistics.success, *durations.mutable_success());
  write_duration(statistics.fail, *durations.mutable_fail());
  write_duration(statistics.queue, *durations.mutable_queue());
  write_duration(statistics.compute_infer, *durations.mutable_compute_infer());
}

}  // namespace slip
