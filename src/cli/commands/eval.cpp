#include <fmt/format.h>

#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_cache.h"
#include "cli/options.h"
#include "measure/evaluation.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  std::string file;
  std::string base;
  bool base_exact = false;
  std::int64_t max_windows = -1;
  bool json = false;
};

std::string as_json(const EvalResult& result) {
  JsonWriter json;
  json.begin_object().key("perplexity").fixed(result.perplexity, 6);
  json.key("perplexity_stderr").fixed(result.perplexity_stderr, 6);
  json.key("n_tokens").integer(result.n_tokens).key("n_windows").integer(result.n_windows);
  if (result.divergence) {
    const Divergence& d = *result.divergence;
    json.key("kl").begin_object().key("mean").number(d.mean).key("stderr").number(d.mean_stderr);
    json.key("p99").number(d.p99).key("max").number(d.max).end_object();
    json.key("top1_agreement").fixed(d.top1_agreement, 6);
    json.key("base_perplexity").fixed(d.base_perplexity, 6);
    json.key("delta_ppl").fixed(result.perplexity - d.base_perplexity, 6);
  }
  return json.end_object().take();
}

std::string as_text(const EvalResult& result) {
  std::string text =
      fmt::format("perplexity        {:.4f} ± {:.4f} ({} tokens in {} windows)\n",
                  result.perplexity, result.perplexity_stderr, result.n_tokens, result.n_windows);
  if (!result.divergence) return text;
  const Divergence& d = *result.divergence;
  const double delta = result.perplexity - d.base_perplexity;
  text += fmt::format("base perplexity   {:.4f} (difference {:+.4f}, {:+.3f} %)\n",
                      d.base_perplexity, delta, 100 * delta / d.base_perplexity);
  text += fmt::format("KL from the base  mean {:.6f} ± {:.6f}, 99 % {:.6f}, largest {:.6f}\n",
                      d.mean, d.mean_stderr, d.p99, d.max);
  return text + fmt::format("same first choice {:.3f} %\n", 100 * d.top1_agreement);
}

Result<std::unique_ptr<LoadedModel>> load_base(const Options& o, Runtime& runtime) {
  LoadOptions options = SLIP_TRY(o.model.load_options());
  if (o.base_exact) options.arithmetic = Arithmetic::kExact;
  options.with_tokenizer = false;
  return load_model(o.base.empty() ? o.model.path : find_model(o.base), runtime, options);
}

Result<int> run(Options o) {
  if (o.model.n_ctx == 0) o.model.n_ctx = 512;
  const std::string text = SLIP_TRY(read_input(o.file));
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  const LoadOptions load_options = SLIP_TRY(o.model.load_options());
  const auto model = SLIP_TRY(load_model(o.model.path, *runtime, load_options));
  std::unique_ptr<LoadedModel> base;
  if (!o.base.empty() || o.base_exact) base = SLIP_TRY(load_base(o, *runtime));

  const Tokenizer& tokenizer = *model->tokenizer();
  const auto tokens = tokenizer.encode(text, {.add_special = true, .parse_special = false});
  Progress progress("eval", static_cast<std::int64_t>(tokens.size()) / o.model.n_ctx);
  const InterruptGuard guard;
  const EvalOptions options{.window = o.model.n_ctx,
                            .max_windows = o.max_windows,
                            .bos = tokenizer.adds_bos() ? tokenizer.bos_id() : -1,
                            .on_window =
                                [&progress](std::int64_t done, std::int64_t, double perplexity) {
                                  progress.update(done,
                                                  fmt::format("perplexity {:.3f}", perplexity));
                                },
                            .cancel = &InterruptGuard::flag()};
  auto result =
      evaluate(model->runner(), base ? &base->runner() : nullptr, runtime->pool(), tokens, options);
  if (InterruptGuard::raised()) return kExitInterrupted;
  const EvalResult figures = SLIP_TRY(std::move(result));
  Output out;
  out.write(o.json ? as_json(figures) : as_text(figures));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.section("Text");
  args.add_path("-f,--file", o->file, "the text; - is standard input");
  args.add("--chunks", o->max_windows, "windows of -c tokens (512) to score at most; -1 = all",
           {.min = -1});
  args.section("Base");
  args.add_path("--base", o->base, "model to compare with: KL divergence, first choices");
  args.add_flag("--base-exact", o->base_exact, "run the base (or the model itself) with --exact");
  args.section("Output");
  args.add_flag("--json", o->json, "print JSON");
  args.require([o = o.get()]() -> Result<> {
    if (o->file.empty()) return invalid("no text given: expected -f FILE");
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_eval() {
  static const Command command{.name = "eval",
                               .summary = "perplexity on a text, divergence from a base model",
                               .group = "Measure",
                               .setup = setup};
  return command;
}

}  // namespace slip
