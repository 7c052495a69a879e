// Other programs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace slip {

// Runs `program` in the place of this process, with the same environment and open files. Returns
// only when that failed (kIo).
Result<> replace_process(const std::filesystem::path& program,
                         const std::vector<std::string>& arguments);

}  // namespace slip
