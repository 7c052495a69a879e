// The gRPC server that the module starts.
#pragma once

#include "serve/rpc_server.h"

namespace slip {

// As RpcModule::start.
Result<std::unique_ptr<RpcServer>> start_grpc_server(const RpcOptions& options,
                                                     InferenceServer& server);

}  // namespace slip
