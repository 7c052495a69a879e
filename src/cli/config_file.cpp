#include "cli/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "cli/config_parse.h"
#include "cli/console.h"

namespace slip {

namespace {

const ConfigEntry* entry_of(const ConfigFile& file, const std::string& section,
                            const std::vector<std::string>& keys) {
  for (const ConfigEntry& entry : file.entries) {
    const bool has_key = std::find(keys.begin(), keys.end(), entry.key) != keys.end();
    if (has_key && entry.section == section) return &entry;
  }
  return nullptr;
}

}  // namespace

ConfigScope::ConfigScope(std::vector<ConfigFile> files, std::string_view command)
    : files_(std::move(files)), sections_{std::string(command), ""} {}

std::optional<Setting> ConfigScope::find(const std::vector<std::string>& keys) const {
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    for (const std::string& section : sections_) {
      if (const ConfigEntry* entry = entry_of(*file, section, keys)) {
        return Setting{fmt::format("{}: {}", file->at(entry->line), entry->key), entry->values};
      }
    }
  }
  return std::nullopt;
}

std::string ConfigScope::enter_model(const std::string& model) {
  std::string path = model;
  for (const ConfigFile& file : files_) {
    const ConfigEntry* entry = entry_of(file, model, {"model"});
    if (entry != nullptr && !entry->values.empty()) path = entry->values.back();
  }
  std::filesystem::path name = std::filesystem::path(path).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();  // "folder/"
  name = name.extension() == ".gguf" ? name.stem() : name.filename();
  sections_.insert(sections_.begin(), {model, name.string()});
  return path;
}

Result<ConfigFile> read_config(const std::filesystem::path& path) {
  std::string text = SLIP_TRY(read_input(path.string()));
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0) {
    text.erase(0, kByteOrderMark.size());
  }
  return parse_config(path, text);
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
