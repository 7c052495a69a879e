// The program: finds the command, gives it its options, turns what it returns into an exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"

namespace slip {

// `args`: the command line without the program's name. Never throws.
int run_program(const std::vector<std::string>& args, std::int64_t start_ns);

// A program that has one command only. `words`: the command line behind its name.
int run_command_program(const Command& command, const std::vector<std::string>& words,
                        std::int64_t start_ns);

}  // namespace slip
