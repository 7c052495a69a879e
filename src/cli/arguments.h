// The options of a command: declared once, taken from the command line, the environment and
// configuration files, shown by --help and by the shell's completion.
//
// CLI11 prints the help; its header costs seconds to compile, so it stays in arguments.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/config_file.h"

namespace slip {

// Inclusive.
struct Bounds {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};
inline constexpr Bounds kNotNegative{.min = 0};
inline constexpr Bounds kPositive{.min = 1};

// One option as the completion and the configuration see it.
struct OptionInfo {
  std::vector<std::string> names;    // "-c", "--ctx-size"
  std::vector<std::string> choices;  // the values it takes, when they can be listed
  bool is_flag = false;
  bool is_path = false;
};

// Not thread-safe. Declared values must outlive parse().
class Arguments {
 public:
  // `usage` is what stands before the options in the first line of --help.
  Arguments(std::string_view usage, std::string_view summary);
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  // Heading, in --help, of the options that follow.
  void section(std::string_view heading);

  // `names`: "-c,--ctx-size", a long name last; more letters after one dash ("-ctk") are fine. The
  // environment variables are SLIPSTREAM_ and each long name. The value at declaration is the
  // default. Lists take several values separated by commas (numbers) or by repeating the option
  // (strings).
  void add(const char* names, std::string& value, const char* help);
  void add(const char* names, std::optional<std::string>& value, const char* help);
  void add(const char* names, int& value, const char* help, Bounds bounds = {});
  void add(const char* names, std::int64_t& value, const char* help, Bounds bounds = {});
  void add(const char* names, std::optional<int>& value, const char* help, Bounds bounds = {});
  void add(const char* names, std::optional<std::int64_t>& value, const char* help,
           Bounds bounds = {});
  void add(const char* names, std::optional<float>& value, const char* help, Bounds bounds = {});
  void add(const char* names, std::vector<std::int64_t>& value, const char* help,
           Bounds bounds = {});
  void add(const char* names, std::vector<std::string>& value, const char* help);
  void add_flag(const char* names, bool& value, const char* help);
  void add_path(const char* names, std::string& value, const char* help);
  // One of `choices`.
  void add_choice(const char* names, std::string& value, std::vector<std::string> choices,
                  const char* help);

  // What other programs take and this one has no use for: accepted, not listed. With a value (one
  // of `choices`, or none, when there are any), and without.
  void ignore(const char* names, std::vector<std::string> choices = {});
  void ignore_flag(const char* names);
  // Those that the command line has.
  std::vector<std::string> ignored() const;

  // An argument without a flag, in order of declaration. One that has the name of an option gives
  // that option its value, and is left out where the command line has the option itself, or where
  // the option has a value from elsewhere and there are too few arguments for all.
  void add_positional(const char* name, std::string& value, const char* help);
  void add_positional(const char* name, std::optional<std::string>& value, const char* help);

  // Whether the command line has the option of this name ("-c"). For conditions.
  bool is_given(std::string_view name) const;

  // All arguments that are left. `name` stands in the usage as it is: "model…".
  void add_rest(const char* name, std::vector<std::string>& values);

  // What must hold between options, once they have their values. An error is a usage error.
  void require(std::function<Result<>()> condition);

  enum class Parsed { kRun, kHelp };
  // `args`: what follows the command's name. Values come from the command line, else from the
  // environment, else from the configuration files.
  Result<Parsed> parse(const std::vector<std::string>& args, ConfigScope scope);

  // Whether a configuration file may use the key (a long name without its dashes).
  bool has_option(std::string_view key) const;
  std::vector<OptionInfo> options() const;
  // The words that the first positional takes, when its name lists them ("ls|rm|verify").
  std::vector<std::string> first_words() const;
  std::string help() const;

 private:
  void declare_positional(const char* name, const char* help,
                          std::function<void(const std::string&)> set);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slip
