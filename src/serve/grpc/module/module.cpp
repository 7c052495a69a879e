// What the program looks for in slipstream-grpc.so.
#include "serve/grpc/grpc_server.h"
#include "serve/rpc_module_path.h"

extern "C" __attribute__((visibility("default"))) const slip::RpcModule slip_rpc_module = {
    .version = slip::kRpcModuleVersion, .start = slip::start_grpc_server};
