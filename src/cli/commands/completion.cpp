#include "cli/completion.h"

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"

namespace slip {
namespace {

CommandBody setup(Arguments& args) {
  auto shell = std::make_shared<std::string>();
  args.add_positional("bash|zsh", *shell, "the shell");
  args.require([shell = shell.get()]() -> Result<> {
    if (*shell == "bash" || *shell == "zsh") return {};
    return invalid("shell: expected bash or zsh, got '{}'", *shell);
  });
  return [shell](const Invocation&) -> Result<int> {
    Output out;
    out.write(*shell == "bash" ? bash_completion() : zsh_completion());
    SLIP_TRY(out.status());
    return kExitOk;
  };
}

}  // namespace

const Command& commands_completion() {
  static const Command command{.name = "completion",
                               .summary = "completion for bash or zsh: source <(slipstream …)",
                               .group = "Shell",
                               .setup = setup};
  return command;
}

}  // namespace slip
