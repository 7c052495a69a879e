#include <optional>

#include "base/os/atomic_file.h"
#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/profile_tables.h"
#include "measure/chrome_trace.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  std::int64_t prompt_tokens = 512;
  std::int64_t generated_tokens = 32;
  std::int64_t sequences = 1;
  std::int64_t depth = 0;
  bool json = false;
  std::string trace;
};

std::vector<BenchTest> tests_of(const Options& o) {
  std::vector<BenchTest> tests;
  if (o.prompt_tokens > 0) {
    tests.push_back(
        {.kind = BenchTest::Kind::kPrompt, .n_tokens = o.prompt_tokens, .depth = o.depth});
  }
  if (o.generated_tokens > 0) {
    tests.push_back({.kind = BenchTest::Kind::kGeneration,
                     .n_tokens = o.generated_tokens,
                     .n_sequences = o.sequences,
                     .depth = o.depth});
  }
  return tests;
}

Result<int> run(const Options& o) {
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  // Opened first: what can't be written shows before the work.
  std::optional<AtomicFile> trace;
  if (!o.trace.empty()) trace.emplace(SLIP_TRY(AtomicFile::create(o.trace)));
  const LoadOptions load = SLIP_TRY(o.model.load_options());
  const InterruptGuard guard;
  auto report =
      run_profile(o.model.path, *runtime,
                  {.load = load, .tests = tests_of(o), .cancel = &InterruptGuard::flag()});
  if (InterruptGuard::raised()) return kExitInterrupted;
  const ProfileReport figures = SLIP_TRY(std::move(report));
  if (trace) {
    SLIP_TRY(trace->write(chrome_trace(figures.phases)));
    SLIP_TRY(trace->commit());
  }
  const BenchSetting setting{.model = o.model.path,
                             .isa = runtime->kernels().isa,
                             .n_threads = runtime->pool().n_threads()};
  Output out;
  out.write(o.json ? profile_json(setting, figures) : profile_text(setting, figures));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare_without_context(args);
  args.section("Passes");
  args.add("-p,--n-prompt", o->prompt_tokens, "tokens to read; 0 = none", {.min = 0, .max = 65536});
  // Every step leaves some hundred spans in memory.
  args.add("-n,--n-gen", o->generated_tokens, "tokens to generate; 0 = none",
           {.min = 0, .max = 1024});
  args.add("-npl,--n-parallel", o->sequences, "sequences that generate together",
           {.min = 1, .max = 4096});
  args.add("-d,--n-depth", o->depth, "tokens in the cache before", kNotNegative);
  args.section("Output");
  args.add_flag("--json", o->json, "print JSON");
  args.add_path("--trace", o->trace, "file for the spans, for chrome://tracing or Perfetto");
  args.require([o = o.get()]() -> Result<> {
    if (o->prompt_tokens + o->generated_tokens > 0) return {};
    return invalid("nothing to profile: expected -p or -n above 0");
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_profile() {
  static const Command command{.name = "profile",
                               .summary = "where the time goes, op by op, and what it would gain",
                               .group = "Measure",
                               .setup = setup};
  return command;
}

}  // namespace slip
