#include <filesystem>

#include "base/os/process.h"
#include "base/os/shared_library.h"
#include "cli/command.h"
#include "cli/distill_options.h"

namespace slip {
namespace {

// libtorch is 500 MB: what needs it is a program of its own.
constexpr const char* kCompanion = "slipstream-distill";

Result<int> run(const Invocation& invocation) {
  const auto companion = SLIP_TRY(program_path()).parent_path() / kCompanion;
  std::error_code ignored;
  if (!std::filesystem::exists(companion, ignored)) {
    return fail(ErrorKind::kNotFound,
                "distill: expected the program {}, which trains, beside this one ({}); to build "
                "it, install the Debian packages libtorch-dev and libopenblas0-openmp, then "
                "configure with -DSLIP_DISTILL=ON",
                kCompanion, companion.string());
  }
  SLIP_TRY(replace_process(companion, {invocation.words.begin(), invocation.words.end()}));
  return kExitFailure;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<DistillOptions>();
  o->declare(args);
  return [o](const Invocation& invocation) { return run(invocation); };
}

}  // namespace

const Command& commands_distill() {
  static const Command command{.name = "distill",
                               .summary = "train a smaller model to answer as a larger one does",
                               .group = "Compress",
                               .setup = setup};
  return command;
}

}  // namespace slip
