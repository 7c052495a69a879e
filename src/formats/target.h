// What every command that writes a changed model checks and records.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "formats/gguf.h"

namespace slip {

enum class Existing { kRefuse, kReplace };  // what to do with a file of the target's name

// kInvalid when the target is one of the source's files, under whatever name, or exists (kRefuse).
Result<> check_target(const GgufFile& source, const std::filesystem::path& target,
                      Existing existing);

// "xxh3:" and 16 hexadecimal digits: XXH3-64 of the bytes of all parts in order.
std::string content_hash(const GgufFile& file);

}  // namespace slip
