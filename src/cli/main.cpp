#include "base/os/clock.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  // First of all: the time to the first token counts from here.
  const std::int64_t start_ns = slip::now_ns();
  return slip::run_program({argv + (argc > 0 ? 1 : 0), argv + argc}, start_ns);
}
