// Code that is loaded while the program runs.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace slip {

// The file of the program that runs. kIo when the system doesn't say.
Result<std::filesystem::path> program_path();

// The address of what the shared library at `path` calls `name`. The library stays loaded as long
// as the program runs. kInvalid when it can't be loaded or has no such symbol.
Result<void*> load_symbol(const std::filesystem::path& path, const char* name);

}  // namespace slip
