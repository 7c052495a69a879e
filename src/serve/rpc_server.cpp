#include "serve/rpc_server.h"

#include <filesystem>

#include "base/os/shared_library.h"
#include "serve/rpc_module_path.h"

namespace slip {

Result<std::unique_ptr<RpcServer>> start_rpc_server(const RpcOptions& options,
                                                    InferenceServer& server) {
  const std::filesystem::path folder = SLIP_TRY(program_path()).parent_path();
  std::filesystem::path file = folder / kRpcModuleFile;
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) file = folder / kRpcModuleInstalled;
  if (!std::filesystem::exists(file, ignored)) {
    return fail(ErrorKind::kNotFound, "gRPC: expected the module {} beside the program, or at {}",
                kRpcModuleFile, file.string());
  }
  const auto* module =
      static_cast<const RpcModule*>(SLIP_TRY(load_symbol(file, "slip_rpc_module")));
  if (std::string_view(module->version) != kRpcModuleVersion) {
    return invalid("{}: expected a module of version {}, got {}", file.string(), kRpcModuleVersion,
                   module->version);
  }
  return module->start(options, server);
}

}  // namespace slip
