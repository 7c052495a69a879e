// The formats of JSON Schema's `format`, as patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slip::grammar {

// An anchored pattern (pattern.h) of texts that have the format, all that people write by hand;
// none for a format that isn't known.
std::optional<std::string> format_pattern(std::string_view format);

}  // namespace slip::grammar
