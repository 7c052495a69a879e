#include "cli/completion.h"

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/command.h"

namespace slip {
namespace {

struct CommandOptions {
  std::string name;
  std::vector<OptionInfo> options;
  std::vector<std::string> first_words;
};

std::vector<CommandOptions> all_options() {
  std::vector<CommandOptions> all;
  for (const Command* command : commands()) {
    Arguments args("", "");
    const CommandBody body = command->setup(args);
    all.push_back({std::string(command->name), args.options(), args.first_words()});
  }
  return all;
}

std::string names_of(const std::vector<CommandOptions>& all) {
  std::string names;
  for (const CommandOptions& command : all) names += command.name + " ";
  return names + "help";
}

std::string flags_of(const CommandOptions& command) {
  std::string flags = "--help --config";
  for (const OptionInfo& option : command.options) {
    flags += fmt::format(" {}", fmt::join(option.names, " "));
  }
  return flags;
}

// One case of the shell's `case` on the word before the cursor.
std::string value_case(const CommandOptions& command, const OptionInfo& option,
                       const std::string& action) {
  std::string pattern;
  for (const std::string& name : option.names) {
    pattern += fmt::format("{}{}:{}", pattern.empty() ? "" : "|", command.name, name);
  }
  return fmt::format("    {}) {}; return ;;\n", pattern, action);
}

}  // namespace

std::string bash_completion() {
  const auto all = all_options();
  std::string values, flags;
  for (const CommandOptions& command : all) {
    for (const OptionInfo& option : command.options) {
      if (!option.choices.empty()) {
        values += value_case(command, option,
                             fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))",
                                         fmt::join(option.choices, " ")));
      } else if (option.is_path) {
        values += value_case(command, option, "COMPREPLY=($(compgen -f -- \"$word\"))");
      } else if (!option.is_flag) {
        values += value_case(command, option, "COMPREPLY=()");
      }
    }
    if (!command.first_words.empty()) {
      values +=
          fmt::format("    {0}:{0}) COMPREPLY=($(compgen -W \"{1}\" -- \"$word\")); return ;;\n",
                      command.name, fmt::join(command.first_words, " "));
    }
    flags += fmt::format("    {}) flags=\"{}\" ;;\n", command.name, flags_of(command));
  }
  return fmt::format(
      "# bash completion for slipstream: source <(slipstream completion bash)\n"
      "_slipstream() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  local command=${{COMP_WORDS[1]}} flags=\n"
      "  compopt -o filenames 2>/dev/null\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$word\")); return\n"
      "  fi\n"
      "  case \"$command:$before\" in\n{}"
      "  esac\n"
      "  case \"$command\" in\n{}  esac\n"
      "  if [[ $word == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "  fi\n"
      "}}\n"
      "complete -F _slipstream slipstream\n",
      names_of(all), values, flags);
}

// zsh runs bash's function through its own compatibility layer.
std::string zsh_completion() {
  return "#compdef slipstream\n"
         "# zsh completion for slipstream: source <(slipstream completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion();
}

}  // namespace slip
