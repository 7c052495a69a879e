// The text of a configuration file: the lines of TOML 1.0 that options need.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "cli/config_file.h"

namespace slip {

// Headings, comments and `key = value`, where a value is a "basic" or 'literal' string, a word
// without quotes, or an array of these; each on one line. What the subset lacks (nested tables,
// strings and arrays of many lines), a key or a heading that is there twice, and anything else is
// kInvalid, with the file and the line.
Result<ConfigFile> parse_config(const std::filesystem::path& path, std::string_view text);

}  // namespace slip
