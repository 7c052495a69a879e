#include "cli/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <set>

#include "base/check.h"
#include "base/os/signals.h"
#include "base/os/terminal.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/suggestion.h"
#include "cli/version.h"

namespace slip {
namespace {

const Command* find_command(std::string_view name) {
  for (const Command* command : commands()) {
    if (command->name == name) return command;
  }
  return nullptr;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command* command : commands()) names.emplace_back(command->name);
  return names;
}

std::string overview() {
  std::string text = fmt::format(
      "slipstream {}: runs language models on this machine's CPU\n\n"
      "Usage: slipstream COMMAND [options]\n",
      version());
  for (const char* group : {"Use", "Look", "Measure", "Compress", "Prepare", "Shell"}) {
    text += fmt::format("\n{}:\n", group);
    for (const Command* command : commands()) {
      if (command->group == group) {
        text += fmt::format("  {:<12}{}\n", command->name, command->summary);
      }
    }
  }
  text +=
      "\n'slipstream COMMAND --help' lists a command's options. Each option --some-name can also "
      "be\n"
      "given as the environment variable SLIPSTREAM_SOME_NAME, or as some-name = … in\n"
      "$XDG_CONFIG_HOME/slipstream/config.toml or /etc/slipstream/config.toml.\n";
  return text;
}

// Keys at the top of a file, or in a model's section, are for all commands that have the option.
bool known_to_any_command(const std::string& key) {
  for (const Command* command : commands()) {
    Arguments args("", "");
    const CommandBody body = command->setup(args);
    if (args.has_option(key)) return true;
  }
  return false;
}

// Sections of models have any names, so what may be meant for a command is an error unless a model
// is named in it.
Result<> check_sections(const ConfigFile& file) {
  for (const ConfigSection& section : file.sections) {
    const std::string near = closest(section.name, command_names());
    const auto names_model = [&section](const ConfigEntry& entry) {
      return entry.section == section.name && entry.key == "model";
    };
    if (near.empty() || near == section.name ||
        std::any_of(file.entries.begin(), file.entries.end(), names_model)) {
      continue;
    }
    return invalid("{}: unknown section [{}]; did you mean [{}]?", file.at(section.line),
                   section.name, near);
  }
  return {};
}

Result<> check_keys(const ConfigFile& file, const Command& command, const Arguments& args) {
  SLIP_TRY(check_sections(file));
  for (const ConfigEntry& entry : file.entries) {
    if (args.has_option(entry.key)) continue;
    const Command* owner = find_command(entry.section);
    if (owner == nullptr && !known_to_any_command(entry.key)) {
      return invalid("{}: unknown key '{}'", file.at(entry.line), entry.key);
    }
    if (owner == &command) {
      return invalid("{}: [{}] has the unknown key '{}'", file.at(entry.line), entry.section,
                     entry.key);
    }
  }
  return {};
}

// --config FILE, or $SLIPSTREAM_CONFIG, stands in for the files at the usual places.
Result<std::vector<ConfigFile>> config_files(const std::vector<std::string>& args) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    constexpr std::string_view kFlag = "--config";
    if (args[i] == "--") break;
    const bool joined = args[i].rfind(std::string(kFlag) + "=", 0) == 0;
    if (!joined && (args[i] != kFlag || i + 1 == args.size())) continue;
    const std::string path = joined ? args[i].substr(kFlag.size() + 1) : args[i + 1];
    return std::vector(1, SLIP_TRY(read_config(path)));
  }
  const char* variable = std::getenv("SLIPSTREAM_CONFIG");
  if (variable == nullptr || *variable == '\0') return read_default_configs();
  return std::vector(1, SLIP_TRY(read_config(variable)));
}

int print_help(std::string_view text) {
  Output out;
  out.write(text);
  const auto written = out.status();
  if (!written) print_error(written.error().message);
  return written ? kExitOk : kExitFailure;
}

int run_command(const Command& command, const std::vector<std::string>& words,
                Invocation invocation) {
  invocation.words = words;
  Arguments args(fmt::format("slipstream {}", command.name), command.summary);
  const CommandBody body = command.setup(args);
  std::string config;
  args.section("General");
  args.add_path("--config", config, "configuration file to read instead of the usual ones");
  bool quiet = false;
  args.add_flag("-q,--quiet", quiet, "on standard error nothing but errors");
  auto files = config_files(words);
  if (!files) return usage_failure(files.error().message, command.name);
  for (const ConfigFile& file : *files) {
    const auto checked = check_keys(file, command, args);
    if (!checked) return usage_failure(checked.error().message, command.name);
  }
  const auto parsed = args.parse(words, ConfigScope(std::move(*files), command.name));
  if (!parsed) return usage_failure(parsed.error().message, command.name);
  if (*parsed == Arguments::Parsed::kHelp) return print_help(args.help());
  set_quiet(quiet);
  if (const auto ignored = args.ignored(); !ignored.empty()) {
    print_note(fmt::format("ignored, as nothing here needs it: {}", fmt::join(ignored, " ")));
  }
  const auto code = body(invocation);
  if (code) return *code;
  print_error(code.error().message);
  return kExitFailure;
}

int dispatch(const std::vector<std::string>& args, const Invocation& invocation) {
  if (args.empty()) {
    print_status(overview());
    return kExitUsage;
  }
  std::string name = args[0];
  std::vector<std::string> rest(args.begin() + 1, args.end());
  if (name == "help" && !rest.empty()) {
    name = rest[0];
    rest = {"--help"};
  }
  if (name == "-h" || name == "--help" || name == "help") return print_help(overview());
  if (name == "-V" || name == "--version") name = "version";
  if (name == "show") name = "inspect";
  const Command* command = find_command(name);
  if (command == nullptr) {
    const std::string near = closest(name, command_names());
    return usage_failure(fmt::format("unknown command '{}'{}", name,
                                     near.empty() ? "" : fmt::format("; did you mean '{}'?", near)),
                         "");
  }
  return run_command(*command, rest, invocation);
}

// What every program begins with, and what an exception becomes.
int guarded(const std::function<int()>& run) {
  reserve_standard_streams();
  ignore_write_signals();
  try {
    return run();
  } catch (const std::bad_alloc&) {
    print_error("out of memory");
  } catch (const BrokenInvariant& error) {
    print_error(fmt::format("{} (this is a bug; please report it)", error.what()));
  } catch (const std::exception& error) {
    print_error(error.what());
  }
  return kExitFailure;
}

}  // namespace

int run_program(const std::vector<std::string>& args, std::int64_t start_ns) {
  return guarded([&] { return dispatch(args, {.start_ns = start_ns}); });
}

int run_command_program(const Command& command, const std::vector<std::string>& words,
                        std::int64_t start_ns) {
  return guarded([&] { return run_command(command, words, {.start_ns = start_ns}); });
}

}  // namespace slip
