#include "cli/config_file.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace slip {

const ConfigEntry* ConfigFile::find(std::string_view command, std::string_view key) const {
  const ConfigEntry* found = nullptr;
  for (const ConfigEntry& entry : entries) {
    if (entry.key != key) continue;
    if (entry.section == command) return &entry;
    if (entry.section.empty()) found = &entry;
  }
  return found;
}

Result<ConfigFile> read_config(const std::filesystem::path& path) {
  std::ifstream stream(path);
  if (!stream) {
    std::error_code ignored;
    const bool exists = std::filesystem::exists(path, ignored);
    return fail(exists ? ErrorKind::kIo : ErrorKind::kNotFound, "{}: cannot open", path.string());
  }
  ConfigFile file{.path = path, .entries = {}};
  try {
    for (CLI::ConfigItem& item : CLI::ConfigTOML().from_config(stream)) {
      if (item.name == "++" || item.name == "--") continue;  // where a section begins and ends
      if (item.parents.size() > 1) {
        return invalid("{}: section {}: expected [command], got nested sections", path.string(),
                       fmt::join(item.parents, "."));
      }
      ConfigEntry entry{.section = item.parents.empty() ? "" : item.parents.front(),
                        .key = item.name,
                        .values = std::move(item.inputs)};
      std::replace(entry.key.begin(), entry.key.end(), '_', '-');
      file.entries.push_back(std::move(entry));
    }
  } catch (const CLI::Error& error) {
    return invalid("{}: expected lines of key = value, got: {}", path.string(), error.what());
  }
  return file;
}

Result<std::vector<ConfigFile>> read_default_configs() {
  std::vector<std::filesystem::path> paths{"/etc/slipstream/config.toml"};
  const char* config_home = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  if (config_home != nullptr && *config_home != '\0') {
    paths.push_back(std::filesystem::path(config_home) / "slipstream/config.toml");
  } else if (home != nullptr && *home != '\0') {
    paths.push_back(std::filesystem::path(home) / ".config/slipstream/config.toml");
  }
  std::vector<ConfigFile> files;
  for (const auto& path : paths) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) files.push_back(SLIP_TRY(read_config(path)));
  }
  return files;
}

}  // namespace slip
