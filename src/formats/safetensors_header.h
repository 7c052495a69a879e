// The JSON header of a safetensors file, as it stands there: syntax checked, meaning not yet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slip {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;   // as in the file: slowest dimension first
  std::uint64_t begin = 0, end = 0;  // in the data that follows the header
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Builds no tree of JSON values, so memory stays in proportion to the header. Errors (kInvalid):
// bad JSON (with its byte), fields missing, repeated or unknown, repeated names, negative numbers.
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json);

}  // namespace slip
