// A subcommand of the program: one file in src/cli/commands/, registered by being there.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

class Arguments;

// What ends the process, as the shell sees it.
enum ExitCode : int { kExitOk = 0, kExitFailure = 1, kExitUsage = 2, kExitInterrupted = 130 };

// What a command knows about the process it runs in.
struct Invocation {
  std::int64_t start_ns = 0;                // when the process began (base/os/clock.h)
  std::span<const std::string> words = {};  // the command line behind the command's name
};

// Returns an exit code, or an error for standard error.
using CommandBody = std::function<Result<int>(const Invocation&)>;

struct Command {
  std::string_view name;
  std::string_view summary;
  std::string_view group;  // heading in --help
  // Declares the command's options and returns what runs it. The options' values live in the
  // returned function.
  std::function<CommandBody(Arguments&)> setup;
};

// Every command, by file name (generated: cmake/SlipModule.cmake).
std::vector<const Command*> commands();

}  // namespace slip
