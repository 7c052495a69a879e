// The gRPC messages of inference.proto, from and to what the server deals in.
#pragma once

#include <grpcpp/support/status.h>
#include <inference.pb.h>

#include "serve/kserve/inference.h"

namespace slip {

// By the status that the error has over HTTP.
grpc::Status to_status(const ApiError& error);

// 400 for data that isn't that of the tensors, and for
// shared memory.
Reply<InferRequest> to_infer_request(const inference::ModelInferRequest& message);
// Outputs as raw contents.
void write_response(const InferRequest& asked, const InferResponse& response,
                    inference::ModelInferResponse& message);

void write_metadata(const std::string& name, inference::ModelMetadataResponse& message);
void write_config(const std::string& name, inference::ModelConfig& message);
void write_statistics(const InferenceStatistics& statistics, inference::ModelStatistics& message);

}  // namespace slip
