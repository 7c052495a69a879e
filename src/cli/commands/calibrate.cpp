#include "compress/calibrate.h"

#include <fmt/format.h>

#include <system_error>

#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/options.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  std::string file;
  std::string target;
  std::int64_t max_windows = -1;
  bool force = false;
  bool json = false;
};

std::string report(const Options& o, const Imatrix& imatrix) {
  const std::int64_t n_tokens = imatrix.n_chunks * imatrix.chunk_size;
  if (!o.json) {
    return fmt::format("{}: inputs of {} matrices on {} tokens in {} windows\n",
                       printable(o.target), imatrix.sums.size(), n_tokens, imatrix.n_chunks);
  }
  JsonWriter json;
  json.begin_object().key("file").string(o.target).key("n_tokens").integer(n_tokens);
  json.key("n_windows").integer(imatrix.n_chunks);
  return json.key("n_matrices").integer(std::ssize(imatrix.sums)).end_object().take();
}

Result<int> run(const Options& o) {
  std::error_code none;
  if (!o.force && std::filesystem::exists(o.target, none)) {
    return invalid("{}: expected no such file yet, got one", o.target);
  }
  SLIP_TRY(check_output(o.target, {o.model.path, o.file}));
  const std::string text = SLIP_TRY(read_input(o.file));
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  const LoadOptions load = SLIP_TRY(o.model.load_options());
  Progress progress("calibrate", 100);
  const InterruptGuard guard;
  const CalibrateOptions options{
      .weights = {.arithmetic = load.arithmetic, .packed = load.packed},
      .window = o.model.n_ctx == 0 ? 512 : o.model.n_ctx,
      .max_windows = o.max_windows,
      .on_window = [&](std::int64_t done, std::int64_t all) { progress.update(100 * done / all); },
      .cancel = &InterruptGuard::flag()};
  auto result = calibrate_model(o.model.path, text, options, *runtime);
  progress.erase();
  if (InterruptGuard::raised() && !result) return kExitInterrupted;
  Imatrix imatrix = SLIP_TRY(std::move(result));
  imatrix.datasets = {o.file};
  SLIP_TRY(write_imatrix(o.target, imatrix));
  Output out;
  out.write(report(o, imatrix));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.section("Text");
  args.add_path("-f,--file", o->file, "the text; - is standard input");
  args.add("--chunks", o->max_windows, "windows of -c tokens (512) to read at most; -1 = all",
           {.min = -1});
  args.section("Output");
  args.add_path("-o,--output", o->target, "the importance matrix to write");
  args.add_flag("--force", o->force, "replace the file if it exists");
  args.add_flag("--json", o->json, "print JSON");
  args.require([o = o.get()]() -> Result<> {
    if (o->file.empty()) return invalid("no text given: expected -f FILE");
    if (o->target.empty()) return invalid("no file to write given: expected -o FILE");
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_calibrate() {
  static const Command command{.name = "calibrate",
                               .summary = "an importance matrix for quantize, from a text",
                               .group = "Compress",
                               .setup = setup};
  return command;
}

}  // namespace slip
