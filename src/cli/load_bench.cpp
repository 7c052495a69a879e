#include "cli/load_bench.h"

#include <fmt/format.h>

#include "base/os/atomic_file.h"
#include "base/os/clock.h"
#include "base/os/signals.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/load_tables.h"
#include "measure/load/load_plot.h"

namespace slip {
namespace {

constexpr std::int64_t kDefaultDurationS = 10;

Result<std::function<LoadPrompt(std::uint64_t)>> prompts_of(const LoadBenchOptions& o,
                                                            std::uint64_t seed) {
  const LengthRange prompt_tokens = SLIP_TRY(parse_length_range(o.prompt_tokens));
  const LengthRange answer_tokens = SLIP_TRY(parse_length_range(o.answer_tokens));
  const MadePrompts made{.prompt_tokens = prompt_tokens,
                         .answer_tokens = answer_tokens,
                         .n_shared_tokens = o.n_shared_tokens,
                         .seed = seed};
  if (o.prompts.empty()) {
    return [made](std::uint64_t number) { return make_prompt(made, number); };
  }
  std::vector<LoadPrompt> prompts = SLIP_TRY(read_prompts(o.prompts, made));
  for (const LoadPrompt& prompt : prompts) {
    if (o.endpoint == "completions" && !prompt.messages.empty()) {
      return invalid("{}: expected prompts for --endpoint completions, got messages", o.prompts);
    }
  }
  return [prompts = std::move(prompts)](std::uint64_t number) {
    return prompts[number % prompts.size()];
  };
}

LoadTarget target_of(const LoadBenchOptions& o) {
  LoadTarget target{.url = o.url, .api_key = o.api_key};
  target.client.ca_file = o.ca_file;
  if (o.insecure) target.client.verify = ClientOptions::Verify::kNothing;
  return target;
}

Result<LoadTestOptions> load_test_options(const LoadBenchOptions& o, std::uint64_t seed) {
  LoadTestOptions load;
  load.target = target_of(o);
  load.prompt = SLIP_TRY(prompts_of(o, seed));
  load.wire = {.endpoint = o.endpoint == "chat" ? LoadEndpoint::kChat : LoadEndpoint::kCompletions,
               .model = o.model_name,
               .ignore_eos = !o.stops_at_eos,
               .temperature = o.temperature};
  if (load.wire.model.empty()) load.wire.model = SLIP_TRY(find_served_model(load.target));
  load.rate_per_s = o.rate.value_or(0);
  load.seed = seed;
  load.n_clients = o.n_clients.value_or(1);
  load.n_requests = o.n_requests;
  const bool has_end = o.n_requests > 0 || o.duration_s > 0;
  load.duration_ns = (has_end ? o.duration_s : kDefaultDurationS) * 1'000'000'000;
  load.timeout_ms = o.timeout_s * 1000;
  load.cancel = &InterruptGuard::flag();
  return load;
}

// What the bar counts to: requests where their number is known, else tenths of seconds.
Result<LoadTestRun> run_with_progress(LoadTestOptions load) {
  const bool counts_requests = load.n_requests > 0;
  constexpr std::int64_t kTenth = 100'000'000;
  Progress progress("load", counts_requests ? load.n_requests : load.duration_ns / kTenth);
  load.on_progress = [&](const LoadTestProgress& p) {
    progress.update(counts_requests ? p.n_ended : p.elapsed_ns / kTenth,
                    fmt::format("{} started, {} ended", p.n_started, p.n_ended));
  };
  return run_load_test(load);
}

}  // namespace

Result<int> run_load_bench(const LoadBenchOptions& o, LoadOutput output) {
  const auto seed = static_cast<std::uint64_t>(o.seed.value_or(now_ns()));
  const LoadGoal goal = o.goal.empty() ? LoadGoal{} : SLIP_TRY(parse_load_goal(o.goal));
  const InterruptGuard guard;
  const LoadTestOptions load = SLIP_TRY(load_test_options(o, seed));
  const LoadTestRun run = SLIP_TRY(run_with_progress(load));
  const double seconds = static_cast<double>(run.ended_ns - run.began_ns) * 1e-9;
  const LoadTelling telling{.load = load,
                            .run = run,
                            .summary = summarize_load(run.records, seconds, goal),
                            .goal = goal,
                            .per_request = o.per_request};
  Output out;
  out.write(output == LoadOutput::kJson ? load_json(telling) : load_table(telling));
  SLIP_TRY(out.status());
  if (!o.plot.empty()) {
    AtomicFile file = SLIP_TRY(AtomicFile::create(o.plot));
    SLIP_TRY(file.write(load_plot(run.records, load_title(telling))));
    SLIP_TRY(file.commit());
  }
  if (run.was_cancelled) return kExitInterrupted;
  return telling.summary.n_answered > 0 ? kExitOk : kExitFailure;
}

}  // namespace slip
