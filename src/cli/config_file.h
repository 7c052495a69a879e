// Configuration files: `key = value` lines under optional [command] and [model] headings.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

struct ConfigEntry {
  std::string section;  // a command's or a model's name; empty at the top and below [*]
  std::string key;      // an option's long name without its dashes; '_' counts as '-'
  std::vector<std::string> values;
  int line = 0;
};

struct ConfigSection {
  std::string name;
  int line = 0;
};

struct ConfigFile {
  std::filesystem::path path;
  std::vector<ConfigSection> sections;
  std::vector<ConfigEntry> entries;

  // "path:7", for messages.
  std::string at(int line) const { return path.string() + ":" + std::to_string(line); }
};

// An option's values, and where they stand.
struct Setting {
  std::string origin;
  std::vector<std::string> values;
};

// The sections of some files that count for one run of a command.
class ConfigScope {
 public:
  // Later files win.
  ConfigScope(std::vector<ConfigFile> files, std::string_view command);

  const std::vector<ConfigFile>& files() const { return files_; }

  // What stands under any of `keys`: in the last file that has one, there in the model's section,
  // else the command's, else at the top.
  std::optional<Setting> find(const std::vector<std::string>& keys) const;

  // From now on the model's section counts: the one of exactly this name, or of the file's name
  // without its folder and ".gguf". Returns the model's path: what the section of exactly this name
  // says, else `model`.
  std::string enter_model(const std::string& model);

 private:
  std::vector<ConfigFile> files_;
  std::vector<std::string> sections_;  // the first wins
};

// Errors: kNotFound, kIo; kInvalid for what can't be read as such a file.
Result<ConfigFile> read_config(const std::filesystem::path& path);

// Those that exist of /etc/slipstream/config.toml and $XDG_CONFIG_HOME/slipstream/config.toml
// (~/.config when unset), in this order: later ones win.
Result<std::vector<ConfigFile>> read_default_configs();

}  // namespace slip
