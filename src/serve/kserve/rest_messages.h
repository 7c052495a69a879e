// The KServe protocol's messages as JSON, with the binary extension behind it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/request.h"
#include "serve/kserve/inference.h"

namespace slip {

// {"error": message}
std::string kserve_error_json(const ApiError& error);

struct RestInferRequest {
  InferRequest request;
  // Of the response: all outputs as binary data, unless they say otherwise.
  bool binary_by_default = false;
  std::vector<std::pair<std::string, bool>> binary_outputs = {};  // those that say

  bool is_binary(std::string_view output) const;
};

// POST …/infer. The model is that of the path's parameters `model` and `version`.
Reply<RestInferRequest> parse_rest_infer(const HttpRequest& http);
// POST …/generate: {"id", "text_input", "parameters": {…}}; what Triton takes at the top as well
// (names of input tensors) is a parameter.
Reply<InferRequest> parse_rest_generate(const HttpRequest& http);

struct RestInferResponse {
  std::string json;
  std::string binary;  // behind it; empty: none
};
RestInferResponse rest_infer_response(const RestInferRequest& asked, const InferResponse& response);
// {"model_name", "model_version", "text_output", …}; lists where there is more than one element.
std::string rest_generate_response(const InferRequest& asked, const InferResponse& response);

std::string server_metadata_json(std::string_view version);
std::string model_metadata_json(std::string_view name);
std::string model_config_json(std::string_view name);
std::string statistics_json(const std::vector<InferenceStatistics>& models);
std::string repository_json(const std::vector<RepositoryEntry>& entries);

}  // namespace slip
