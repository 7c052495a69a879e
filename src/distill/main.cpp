// slipstream-distill: what `slipstream distill` runs, with the same options.
#include "base/os/clock.h"
#include "cli/program.h"
#include "distill/distill_command.h"

int main(int argc, char** argv) {
  const std::int64_t start_ns = slip::now_ns();
  return slip::run_command_program(slip::distill_command(),
                                   {argv + (argc > 0 ? 1 : 0), argv + argc}, start_ns);
}
