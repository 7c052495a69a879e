#include <fmt/format.h>

#include <algorithm>

#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/bench_tables.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/load_bench.h"
#include "cli/options.h"
#include "cli/replay_tables.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  std::vector<std::int64_t> prompt_tokens{512};
  std::vector<std::int64_t> generated_tokens{128};
  std::vector<std::int64_t> sequences{1};
  std::vector<std::int64_t> depths{0};
  int repeats = 5;
  std::string replay;
  LoadBenchOptions load;
  std::string format = "md";
  bool json = false;
};

std::vector<BenchTest> tests_of(const Options& o) {
  std::vector<BenchTest> tests;
  for (const std::int64_t depth : o.depths) {
    for (const std::int64_t n : o.prompt_tokens) {
      if (n == 0) continue;
      tests.push_back({.kind = BenchTest::Kind::kPrompt, .n_tokens = n, .depth = depth});
    }
    for (const std::int64_t n : o.generated_tokens) {
      if (n == 0) continue;
      for (const std::int64_t n_sequences : o.sequences) {
        tests.push_back({.kind = BenchTest::Kind::kGeneration,
                         .n_tokens = n,
                         .n_sequences = n_sequences,
                         .depth = depth});
      }
    }
  }
  return tests;
}

// Of the longest test, when that is too long.
Result<> note_context(const Options& o) {
  std::int64_t n_ctx = 0;
  for (const BenchTest& test : tests_of(o)) n_ctx = std::max(n_ctx, test.depth + test.n_tokens);
  const auto source = SLIP_TRY(open_model(o.model.path));
  note_long_context(n_ctx, source->config());
  return {};
}

// The texts of a file instead of made-up tokens.
Result<int> replay(const Options& o) {
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  LoadOptions load = SLIP_TRY(o.model.load_options());
  const auto source = SLIP_TRY(open_model(o.model.path));
  const auto tokenizer = SLIP_TRY(source->make_tokenizer());
  const auto texts = SLIP_TRY(read_replay(o.replay, *tokenizer));
  for (const ReplayText& text : texts) {
    load.n_ctx = std::max(load.n_ctx, std::ssize(text.prompt) + std::ssize(text.answer));
  }
  load.with_tokenizer = false;
  const auto model = SLIP_TRY(load_model(o.model.path, *runtime, load));
  Progress progress("replay", std::ssize(texts) * o.repeats);
  std::int64_t done = 0;
  const InterruptGuard guard;
  const LostCpuMeter meter(runtime->pool().n_threads());
  auto results =
      run_replay(model->session(), texts,
                 {.repeats = o.repeats,
                  .on_repeat =
                      [&](const ReplayText& text, int repeat) {
                        progress.update(done++, fmt::format("{} repeat {}", text.name, repeat + 1));
                      },
                  .cancel = &InterruptGuard::flag()});
  if (InterruptGuard::raised()) return kExitInterrupted;
  const ReplaySetting setting{.model = o.model.path,
                              .isa = runtime->kernels().isa,
                              .n_threads = runtime->pool().n_threads()};
  Output out;
  out.write(replay_table(setting, SLIP_TRY(std::move(results)), meter.read(),
                         o.json || o.format == "json"));
  SLIP_TRY(out.status());
  return kExitOk;
}

Result<int> run(const Options& o) {
  if (!o.load.url.empty()) {
    const bool json = o.json || o.format == "json";
    return run_load_bench(o.load, json ? LoadOutput::kJson : LoadOutput::kTable);
  }
  if (!o.replay.empty()) return replay(o);
  SLIP_TRY(note_context(o));
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  LoadOptions load = SLIP_TRY(o.model.load_options());
  BenchOptions options{.load = std::move(load),
                       .tests = tests_of(o),
                       .repeats = o.repeats,
                       .on_repeat = {},
                       .cancel = &InterruptGuard::flag()};
  const auto n_runs = static_cast<std::int64_t>(options.tests.size()) * o.repeats;
  Progress progress("bench", n_runs);
  std::int64_t done = 0;
  options.on_repeat = [&](const BenchTest& test, int repeat) {
    progress.update(done++, fmt::format("{} repeat {}", test.name(), repeat + 1));
  };
  const InterruptGuard guard;
  auto report = run_bench(o.model.path, *runtime, options);
  if (InterruptGuard::raised()) return kExitInterrupted;
  const BenchReport figures = SLIP_TRY(std::move(report));
  const BenchSetting setting{.model = o.model.path,
                             .isa = runtime->kernels().isa,
                             .n_threads = runtime->pool().n_threads()};
  Output out;
  out.write(bench_table(setting, figures, o.json ? "json" : o.format));
  SLIP_TRY(out.status());
  return kExitOk;
}

// Options in order of declaration: the model's, of tests, of replays and tests, of load, and
// others.
struct Groups {
  std::size_t tests = 0, replay = 0, load = 0, others = 0;  // where each begins
};

// What would have no effect is a mistake.
Result<> refuse(const Arguments& args, std::size_t begin, std::size_t end, const char* where) {
  const std::vector<OptionInfo> options = args.options();
  for (std::size_t i = begin; i < end; ++i) {
    const std::string& name = options[i].names.front();
    if (args.is_given(name)) return invalid("{}: expected it only {}", name, where);
  }
  return {};
}

Result<> check_mode(const Options& o, const Arguments& args, const Groups& groups) {
  const bool is_load = !o.load.url.empty(), is_replay = !o.replay.empty();
  if (is_replay && is_load) return invalid("--replay and --serve: expected one of them, got both");
  if (is_load) {
    SLIP_TRY(refuse(args, 0, groups.load, "without --serve"));
  } else {
    SLIP_TRY(refuse(args, groups.load, groups.others, "with --serve"));
  }
  if (is_replay) SLIP_TRY(refuse(args, groups.tests, groups.replay, "without --replay"));
  const bool has_tests = !is_replay && !is_load;
  if (has_tests || o.format == "md" || o.format == "json") return {};
  return invalid("{}: expected -o md or json, got {}", is_load ? "--serve" : "--replay", o.format);
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  Groups groups;
  o->model.unless = &o->load.url;
  o->model.declare_without_context(args);
  groups.tests = args.options().size();
  args.section("Tests");
  args.add("-p,--n-prompt", o->prompt_tokens, "prompt lengths; 0 = no such test", kNotNegative);
  args.add("-n,--n-gen", o->generated_tokens, "tokens to generate; 0 = no such test", kNotNegative);
  args.add("-npl,--n-parallel", o->sequences, "sequences that generate together",
           {.min = 1, .max = 4096});
  args.add("-d,--n-depth", o->depths, "tokens in the cache before a test begins", kNotNegative);
  groups.replay = args.options().size();
  args.add("-r,--repetitions", o->repeats, "times to run each test", {.min = 1, .max = 1000000});
  args.add_path("--replay", o->replay,
                "instead: what prompt lookup gains on the prompts and answers of a JSONL file");
  groups.load = args.options().size();
  o->load.declare(args);
  groups.others = args.options().size();
  args.section("Output");
  args.add_choice("-o,--output", o->format, {"md", "csv", "json", "jsonl", "sql"}, "format");
  args.add_flag("--json", o->json, "the same as -o json");
  args.require([o, &args, groups] { return check_mode(*o, args, groups); });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_bench() {
  static const Command command{.name = "bench",
                               .summary = "speed, against the machine's limits; load on a server",
                               .group = "Measure",
                               .setup = setup};
  return command;
}

}  // namespace slip
