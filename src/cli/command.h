// A subcommand of the program: one file in src/cli/commands/, registered by being there.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

// What ends the process, as the shell sees it.
enum ExitCode : int { kExitOk = 0, kExitFailure = 1, kExitUsage = 2, kExitInterrupted = 130 };

struct Command {
  std::string_view name;
  std::string_view summary;
  std::string_view group;  // heading in --help
  // Declares the command's options on `app` and returns what runs it. The options live in the
  // returned function.
  std::function<std::function<Result<int>()>(CLI::App& app)> setup;
};

// Every command, by file name (generated: cmake/SlipModule.cmake).
std::vector<const Command*> commands();

}  // namespace slip
