#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/os/atomic_file.h"
#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/eval_tables.h"
#include "cli/model_cache.h"
#include "cli/options.h"
#include "cli/text_tokens.h"
#include "measure/eval/certificate.h"
#include "measure/eval/eval_html.h"
#include "measure/eval/model_evaluation.h"
#include "measure/eval/open_base.h"

namespace slip {
namespace {

constexpr int kSpeedRepeats = 5;

struct Options {
  ModelOptions model;
  std::vector<std::string> more;  // models
  std::string file;
  std::string tasks;
  std::string base;
  bool base_exact = false;
  bool no_base_cache = false;
  std::int64_t max_windows = -1;
  bool speed = false;
  bool certify = false;
  std::string html;
  bool json = false;
};

// The text as a model's tokenizer has it. Windows point into the tokens, so it stays where it is.
struct Text {
  std::vector<int> tokens;
  std::optional<Windows> windows;
};

Result<std::unique_ptr<Text>> cut(const Options& o, const TextInput& text,
                                  const Tokenizer& tokenizer) {
  constexpr std::int64_t kMaxWindows = std::int64_t{1} << 31;
  const std::int64_t max_tokens =
      o.max_windows < 0 ? -1 : std::min(o.max_windows, kMaxWindows) * o.model.n_ctx;
  auto cut = std::make_unique<Text>();
  cut->tokens = SLIP_TRY(text.tokens(tokenizer, max_tokens));
  cut->windows =
      SLIP_TRY(Windows::cut(cut->tokens, {.size = o.model.n_ctx,
                                          .max_windows = o.max_windows,
                                          .bos = tokenizer.adds_bos() ? tokenizer.bos_id() : -1}));
  return cut;
}

// One run of the command.
class Evaluator {
 public:
  Evaluator(const Options& o, Runtime& runtime) : o_(o), runtime_(runtime) {}

  Result<ModelEvaluation> run(const std::string& path) {
    ModelEvaluation evaluation = SLIP_TRY(describe_model(path));
    const LoadOptions options = SLIP_TRY(o_.model.load_options());
    const auto model = SLIP_TRY(load_model(path, runtime_, options));
    if (!o_.file.empty()) evaluation.text = SLIP_TRY(score(path, *model));
    if (!o_.tasks.empty()) evaluation.tasks = SLIP_TRY(answer(*model));
    if (o_.speed) {
      evaluation.tokens_per_s =
          SLIP_TRY(decode_speed(model->session(), kSpeedRepeats, &InterruptGuard::flag()));
    }
    return evaluation;
  }

  // Into the file itself, once it isn't in use any more.
  Result<> certify(const ModelEvaluation& evaluation) {
    const EvalResult& result = *evaluation.text;
    const Divergence& d = *result.divergence;
    if (!d.mean_interval) {
      return invalid("--certify: expected a text of at least two windows, got one");
    }
    if (base_hash_.empty()) base_hash_ = SLIP_TRY(weights_hash(base_path_));
    const auto name = std::filesystem::path(base_path_).filename().string();
    const auto hash = SLIP_TRY(weights_hash(std::filesystem::path(evaluation.model)));
    return write_certificate(evaluation.model,
                             {.weights_hash = hash,
                              .base_hash = base_hash_,
                              .base_file = name,
                              .text_hash = text_hash(text_.content(base_text_->tokens)),
                              .arithmetic = o_.model.exact ? "exact" : o_.model.activations,
                              .n_tokens = result.n_tokens,
                              .n_windows = result.n_windows,
                              .kl = d.mean,
                              .kl_interval = *d.mean_interval,
                              .kl_p99 = d.p99,
                              .kl_max = d.max,
                              .top1_agreement = d.top1_agreement,
                              .perplexity = result.perplexity,
                              .base_perplexity = d.base_perplexity});
  }

  Result<> read_inputs() {
    if (!o_.file.empty()) text_ = SLIP_TRY(TextInput::open(o_.file));
    if (!o_.tasks.empty()) tasks_ = SLIP_TRY(read_tasks(o_.tasks));
    return {};
  }
  // Before any model is loaded, so that two are in memory only when nothing can be cached.
  Result<> prepare_base(const std::string& first_model) {
    if (o_.base.empty() && !o_.base_exact) return {};
    const auto first = SLIP_TRY(open_model(first_model));
    const auto tokenizer = SLIP_TRY(first->make_tokenizer());
    base_text_ = SLIP_TRY(cut(o_, text_, *tokenizer));
    base_path_ = o_.base.empty() ? first_model : find_model(o_.base);
    BaseOptions options{.path = base_path_, .load = {}};
    options.load = SLIP_TRY(o_.model.load_options());
    if (o_.base_exact) options.load.arithmetic = Arithmetic::kExact;
    options.load.with_tokenizer = false;
    if (!o_.no_base_cache) {
      if (auto cache = PackCache::from_environment()) options.cache.emplace(std::move(*cache));
    }
    Progress progress("base", base_text_->windows->count());
    options.on_note = print_note;
    options.on_window = [&](std::int64_t done, std::int64_t) { progress.update(done); };
    options.cancel = &InterruptGuard::flag();
    base_ = SLIP_TRY(open_base(options, *base_text_->windows, runtime_));
    return {};
  }

 private:
  Result<EvalResult> score(const std::string& path, LoadedModel& model) {
    const auto text = SLIP_TRY(cut(o_, text_, *model.tokenizer()));
    if (base_text_ != nullptr && text->windows->hash() != base_text_->windows->hash()) {
      return invalid("{}: expected a tokenizer that cuts the text as the first model's does", path);
    }
    Progress progress("eval", text->windows->count());
    return evaluate(model.runner(), base_.logits.get(), runtime_.pool(), *text->windows,
                    {.on_window =
                         [&](std::int64_t done, std::int64_t, double perplexity) {
                           progress.update(done, fmt::format("perplexity {:.3f}", perplexity));
                         },
                     .cancel = &InterruptGuard::flag()});
  }

  Result<TaskResult> answer(LoadedModel& model) {
    Progress progress("tasks", tasks_.size());
    return run_tasks(model.session(), *model.tokenizer(), tasks_,
                     {.on_task = [&](std::int64_t done, std::int64_t) { progress.update(done); },
                      .cancel = &InterruptGuard::flag()});
  }

  const Options& o_;
  Runtime& runtime_;
  Tasks tasks_;
  TextInput text_;
  std::string base_path_, base_hash_;
  std::unique_ptr<Text> base_text_;  // null: no base
  Base base_;
};

Result<std::vector<ModelEvaluation>> evaluate_all(const Options& o,
                                                  const std::vector<std::string>& paths,
                                                  Runtime& runtime) {
  Evaluator evaluator(o, runtime);
  SLIP_TRY(evaluator.read_inputs());
  SLIP_TRY(evaluator.prepare_base(paths.front()));
  std::vector<ModelEvaluation> evaluations;
  evaluations.reserve(paths.size());
  for (const std::string& path : paths) evaluations.push_back(SLIP_TRY(evaluator.run(path)));
  if (!o.certify) return evaluations;
  for (const ModelEvaluation& evaluation : evaluations) SLIP_TRY(evaluator.certify(evaluation));
  return evaluations;
}

Result<> write_html(const Options& o, const std::vector<ModelEvaluation>& evaluations) {
  AtomicFile file = SLIP_TRY(AtomicFile::create(o.html));
  SLIP_TRY(file.write(eval_html(evaluations, o.base.empty() ? "the model itself" : o.base)));
  return file.commit();
}

Result<int> run(Options o) {
  if (o.model.n_ctx == 0) o.model.n_ctx = 512;
  std::vector<std::string> paths{o.model.path};
  for (const std::string& model : o.more) paths.push_back(find_model(model));
  if (!o.html.empty()) {
    std::vector<std::string> inputs = paths;
    inputs.insert(inputs.end(), {o.base, o.file, o.tasks});
    SLIP_TRY(check_output(o.html, inputs));
  }
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  const InterruptGuard guard;
  auto evaluated = evaluate_all(o, paths, *runtime);
  if (InterruptGuard::raised()) return kExitInterrupted;
  const auto evaluations = SLIP_TRY(std::move(evaluated));
  if (!o.html.empty()) SLIP_TRY(write_html(o, evaluations));
  Output out;
  out.write(o.json ? eval_json(evaluations) : eval_text(evaluations));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.add_rest("more models", o->more);
  args.section("Text");
  args.add_path("-f,--file", o->file, "the text, or a corpus of `preprocess`; - is standard input");
  args.add("--chunks", o->max_windows, "windows of -c tokens (512) to score at most; -1 = all",
           {.min = -1});
  args.add_path("--tasks", o->tasks, "JSONL file of questions: multiple choice and exact match");
  args.section("Base");
  args.add_path("--base", o->base, "model to compare with: KL divergence, first choices");
  args.add_flag("--base-exact", o->base_exact, "run the base (or the model itself) with --exact");
  args.add_flag("--no-base-cache", o->no_base_cache,
                "neither keep the base's logits on disk nor use kept ones");
  args.section("Speed");
  args.add_flag("--speed", o->speed, "also measure decoding: the median of 5 runs of 32 tokens");
  args.section("Output");
  args.add_path("--html", o->html, "also write the report as a page with plots");
  args.add_flag("--certify", o->certify,
                "write what was measured into each model's file, for --require-quality");
  args.add_flag("--json", o->json, "print JSON");
  args.require([o = o.get()]() -> Result<> {
    if (o->file.empty() && o->tasks.empty()) {
      return invalid("no text given: expected -f FILE or --tasks FILE");
    }
    const bool needs_text = !o->base.empty() || o->base_exact || !o->html.empty();
    if (o->file.empty() && needs_text) return invalid("no text given: expected -f FILE");
    if (o->base_exact && o->base.empty() && !o->more.empty()) {
      return invalid("--base-exact: expected --base as well, with several models");
    }
    if (o->certify && o->base.empty()) return invalid("--certify: expected --base as well");
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_eval() {
  static const Command command{.name = "eval",
                               .summary = "perplexity of models on a text, divergence from a base",
                               .group = "Measure",
                               .setup = setup};
  return command;
}

}  // namespace slip
