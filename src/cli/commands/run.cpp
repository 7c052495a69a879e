#include <fmt/format.h>

#include "base/os/clock.h"
#include "base/os/cpu.h"
#include "base/os/signals.h"
#include "base/os/terminal.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/grammar_options.h"
#include "cli/options.h"
#include "cli/summary.h"
#include "engine/chat_prompt.h"
#include "measure/statistics.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  SamplingOptions sampling;
  AnswerOptions answer;
  GrammarOptions grammar;
  std::optional<std::string> prompt;
  std::string prompt_file;
  bool raw = false;
  bool json = false;
  bool no_summary = false;
  bool verbose = false;
};

// The newline that ends a file, or what echo prints, is no part of a message.
std::string without_last_newline(std::string text) {
  if (text.empty() || text.back() != '\n') return text;
  text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

// What -p and -f give ("-f -": standard input), else what is piped in.
Result<std::string> read_prompt(const Options& o) {
  std::string prompt = o.prompt.value_or("");
  if (!o.prompt_file.empty()) prompt += SLIP_TRY(read_input(o.prompt_file));
  // Only when nothing else gives one: standard input may be a pipe that nobody closes.
  const bool reads_stdin = !o.prompt && o.prompt_file.empty() && !is_terminal(Stream::kInput);
  if (reads_stdin) prompt = SLIP_TRY(read_input("-"));
  if (prompt.empty()) {
    return invalid("no prompt: expected -p TEXT, -f FILE or text on standard input");
  }
  return prompt;
}

Result<std::vector<std::int32_t>> prompt_tokens(LoadedModel& model, const Options& o,
                                                const std::string& prompt) {
  std::string chat_template;
  if (!o.raw) {
    chat_template = SLIP_TRY(o.answer.template_override());
    if (chat_template.empty()) chat_template = SLIP_TRY(model.source().chat_template());
    if (chat_template.empty()) {
      print_note("the model has no chat template: the prompt goes in as it is (--raw)");
    }
  }
  if (chat_template.empty()) {
    if (!o.answer.system_prompt.empty()) print_note("--raw leaves out the system prompt");
    return model.tokenizer()->encode(prompt);
  }
  std::vector<Message> messages;
  if (!o.answer.system_prompt.empty()) messages.push_back({"system", o.answer.system_prompt});
  const bool was_read = !o.prompt_file.empty() || !o.prompt;
  messages.push_back({"user", was_read ? without_last_newline(prompt) : prompt});
  return chat_prompt(model, messages, chat_template);
}

std::string as_json(LoadedModel& model, const GenerateResult& result, const AnswerTimes& times) {
  const GenerateTimings& t = result.timings;
  std::vector<double> itl_ms;
  for (const std::int64_t ns : t.itl_ns) itl_ms.push_back(ms_between(0, ns));
  const auto n_tokens = static_cast<std::int64_t>(result.tokens.size());
  JsonWriter json;
  json.begin_object().key("text").string(result.text).key("tokens").integers(result.tokens);
  json.key("finish_reason").string(to_string(result.finish_reason));
  json.key("usage").begin_object();
  json.key("prompt_tokens").integer(t.n_prompt).key("completion_tokens").integer(n_tokens);
  json.end_object().key("timings").begin_object();
  json.key("load_ms").fixed(ms_between(0, times.load_ns), 3);
  json.key("ttft_ms");
  if (times.ttft_ns > 0) {
    json.fixed(ms_between(0, times.ttft_ns), 3);
  } else {
    json.null();
  }
  json.key("prefill_tokens_per_s").fixed(t.prefill_tokens_per_s(), 3);
  json.key("decode_tokens_per_s").fixed(t.decode_tokens_per_s(), 3);
  json.key("drafted").integer(t.n_drafted).key("accepted").integer(t.n_accepted);
  json.key("itl_ms").begin_object();
  json.key("p50").fixed(percentile(itl_ms, 0.5), 3).key("p95").fixed(percentile(itl_ms, 0.95), 3);
  json.key("max").fixed(percentile(itl_ms, 1), 3).end_object().end_object();
  json.key("isa").string(model.runtime().kernels().isa);
  json.key("threads").integer(model.runtime().pool().n_threads());
  json.key("rss_bytes").integer(static_cast<std::int64_t>(memory_use().resident_bytes));
  return json.end_object().take();
}

void print_summary(LoadedModel& model, const GenerateResult& result, AnswerTimes times) {
  // A few tokens say little about the bandwidth, and measuring it would take longer than they did.
  constexpr std::size_t kEnough = 16;
  if (result.timings.itl_ns.size() >= kEnough) {
    times.read_limit = quick_read_limit(model);
  }
  print_status(fmt::format("\n{}", summary_line(model, result.timings, times)));
}

Result<int> run(const Options& o, const Invocation& invocation) {
  const std::string prompt = SLIP_TRY(read_prompt(o));
  SLIP_TRY(o.model.check_quality());
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  const LoadOptions load_options = SLIP_TRY(o.model.load_options());
  const auto model = SLIP_TRY(load_model(o.model.path, *runtime, load_options));
  if (const auto known = o.sampling.check_tokens(model->tokenizer()->n_vocab()); !known) {
    return usage_failure(known.error().message, "run");
  }
  GrammarCache grammars(*model->tokenizer());
  const auto constraint = SLIP_TRY(o.grammar.constraint(grammars));
  const Speculation speculation = SLIP_TRY(make_speculation(o.answer, *model, load_options));
  std::vector<std::int32_t> tokens = SLIP_TRY(prompt_tokens(*model, o, prompt));
  SamplingParams sampling = SLIP_TRY(o.sampling.params(model->source()));
  GenerateRequest request{.prompt = std::move(tokens),
                          .max_tokens = o.answer.max_tokens,
                          .sampling = std::move(sampling),
                          .stop = o.answer.stop,
                          .ignore_eos = o.answer.ignore_eos,
                          .speculator = speculation.speculator.get(),
                          .constraint = constraint.get(),
                          .on_text = {},
                          .cancel = &InterruptGuard::flag()};
  if (o.verbose) {
    print_note(fmt::format("{} prompt tokens, seed {}, {} threads, {}", request.prompt.size(),
                           request.sampling.seed, runtime->pool().n_threads(),
                           runtime->kernels().isa));
  }
  Output out;
  if (!o.json) {
    request.on_text = [&](std::string_view text) {
      if (!out.write(text)) InterruptGuard::raise();  // nobody reads on
    };
  }
  const InterruptGuard guard;
  const std::int64_t begin_ns = now_ns();
  const auto n_prompt = static_cast<std::int64_t>(request.prompt.size());
  Progress progress("reading the prompt, token", n_prompt);
  request.on_prefill = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  const GenerateResult result = SLIP_TRY(generate(model->session(), *model->tokenizer(), request));
  progress.erase();
  AnswerTimes times{.load_ns = model->load_ns()};
  if (!result.tokens.empty()) {
    times.ttft_ns = begin_ns - invocation.start_ns + result.timings.prefill_ns;
  }
  out.write(o.json ? as_json(*model, result, times) : "\n");
  if (result.context_full) {
    print_note(fmt::format("the context of {} tokens is full (-c): the answer ends here",
                           model->session().n_ctx()));
  }
  if (!o.json && !o.no_summary && !is_quiet()) print_summary(*model, result, times);
  SLIP_TRY(out.status());
  if (!out.is_open()) return kExitFailure;
  return InterruptGuard::raised() ? kExitInterrupted : kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.add_positional("prompt", o->prompt, "the prompt; standard input when it is no terminal");
  args.section("Prompt");
  args.add("-p,--prompt", o->prompt, "the prompt, as an option");
  args.add_path("-f,--file", o->prompt_file, "read the prompt from a file; - is standard input");
  args.add_flag("-no-cnv,--no-conversation,--raw", o->raw,
                "the prompt as it is, without the chat template");
  o->model.declare_quality(args);
  o->answer.declare(args);
  o->grammar.declare(args);
  o->sampling.declare(args);
  args.section("Output");
  args.add_flag("--json", o->json, "print JSON instead of streaming the text");
  args.add_flag("--no-perf", o->no_summary, "no timing summary on standard error");
  args.add_flag("-v,--verbose", o->verbose, "say more on standard error");
  return [o](const Invocation& invocation) { return run(*o, invocation); };
}

}  // namespace

const Command& commands_run() {
  static const Command command{
      .name = "run", .summary = "answer one prompt", .group = "Use", .setup = setup};
  return command;
}

}  // namespace slip
