// The program: finds the command, gives it its options, turns what it returns into an exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slip {

// `args`: the command line without the program's name. Never throws.
int run_program(const std::vector<std::string>& args, std::int64_t start_ns);

}  // namespace slip
