// Configuration files: `key = value` lines under optional [command] headings, the common part of
// TOML and INI.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

struct ConfigEntry {
  std::string section;  // a command's name; empty at the top of the file
  std::string key;      // an option's long name without its dashes; '_' counts as '-'
  std::vector<std::string> values;
};

struct ConfigFile {
  std::filesystem::path path;
  std::vector<ConfigEntry> entries;

  // The key's entry for a command, its own section before the top; null when there is none.
  const ConfigEntry* find(std::string_view command, std::string_view key) const;
};

// Errors: kNotFound, kIo; kInvalid for what can't be read as such a file.
Result<ConfigFile> read_config(const std::filesystem::path& path);

// Those that exist of /etc/slipstream/config.toml and $XDG_CONFIG_HOME/slipstream/config.toml
// (~/.config when unset), in this order: later ones win.
Result<std::vector<ConfigFile>> read_default_configs();

}  // namespace slip
