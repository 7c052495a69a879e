#include <dlfcn.h>

#include "base/os/shared_library.h"

namespace slip {

Result<std::filesystem::path> program_path() {
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail(ErrorKind::kIo, "/proc/self/exe: {}", error.message());
  return path;
}

Result<void*> load_symbol(const std::filesystem::path& path, const char* name) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return invalid("{}", dlerror());
  void* symbol = dlsym(library, name);
  if (symbol == nullptr) return invalid("{}", dlerror());
  return symbol;
}

}  // namespace slip
