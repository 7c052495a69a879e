#include "distill/distill_command.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/hash.h"
#include "base/os/atomic_file.h"
#include "base/os/cpu.h"
#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/distill_options.h"
#include "cli/model_cache.h"
#include "cli/options.h"
#include "distill/training.h"
#include "text/json_writer.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

TeacherCacheOptions cache_options(const DistillOptions& o) {
  return {.window = o.window,
          .max_windows = o.max_windows,
          .continue_after = o.continue_after,
          .top_k = o.top_k,
          .temperature = *o.temperature,
          .seed = static_cast<std::uint64_t>(o.seed)};
}

TrainingOptions training_options(const DistillOptions& o) {
  return {.n_steps = o.n_steps,
          .seconds = 60.0 * o.minutes.value_or(0.0f),
          .batch = o.batch,
          .n_held_out = o.n_held_out,
          .learning_rate = *o.learning_rate,
          .weight_decay = *o.weight_decay,
          .clip_norm = *o.clip_norm,
          .warmup = o.warmup,
          .eval_every = o.eval_every,
          .patience = o.patience,
          .checkpoint_every = o.checkpoint_every,
          .seed = static_cast<std::uint64_t>(o.seed),
          .fingerprint = 0};
}

Result<Student> make_student(const DistillOptions& o) {
  const fs::path teacher = find_model(o.teacher);
  if (!o.shape.empty()) {
    return random_student(teacher, o.shape, static_cast<std::uint64_t>(o.seed));
  }
  return load_student(o.student.empty() ? teacher : fs::path(find_model(o.student)), o.drop_layers);
}

// Opens the teacher's cache, or makes it.
Result<TeacherCache> teacher_cache(const DistillOptions& o, const Student& student) {
  const std::string text = SLIP_TRY(read_input(o.file));
  const fs::path path = o.teacher_cache.empty() ? o.out + ".teacher" : o.teacher_cache;
  const TeacherCacheOptions options = cache_options(o);
  const std::string teacher = find_model(o.teacher);
  const auto source = SLIP_TRY(open_model(teacher));
  if (source->config().n_vocab != student.config.n_vocab) {
    return invalid("{}: expected the teacher's vocabulary of {} tokens, got {}", o.student,
                   source->config().n_vocab, student.config.n_vocab);
  }
  const std::uint64_t key = TeacherCache::key_of(*source, text, options);
  std::error_code ignored;
  if (fs::exists(path, ignored)) return TeacherCache::open(path, key);

  const auto runtime = SLIP_TRY(Runtime::create({.n_threads = o.n_threads}));
  LoadOptions load;
  load.n_ctx = o.window;
  // A page has 32 positions.
  load.shared_kv = LoadOptions::SharedKv{
      .memory_bytes = 0, .max_tokens = kTeacherSequences * ((o.window + 31) / 32 * 32)};
  const auto model = SLIP_TRY(load_model(teacher, *runtime, load));
  if (o.top_k > model->config().n_vocab) {
    return invalid("--top-k: expected at most {}, got {}", model->config().n_vocab, o.top_k);
  }
  std::unique_ptr<Progress> bar;
  TeacherRun run{.key = key, .cancel = &InterruptGuard::flag()};
  run.on_windows = [&bar](std::int64_t done, std::int64_t all) {
    if (!bar) bar = std::make_unique<Progress>("teacher, example", all);
    bar->update(done);
  };
  SLIP_TRY(write_teacher_cache(path, *model, text, options, run));
  return TeacherCache::open(path, key);
}

void add_provenance(const DistillOptions& o, const TeacherCache& cache, Student& student) {
  Metadata& metadata = student.metadata;
  metadata.set("slipstream.distill.teacher", fs::path(find_model(o.teacher)).filename().string());
  metadata.set("slipstream.distill.teacher_cache", hash_text(cache.key()));
  if (!o.student.empty()) {
    metadata.set("slipstream.parent.file", fs::path(o.student).filename().string());
  }
  if (!o.shape.empty()) metadata.set("slipstream.distill.shape", o.shape);
  if (!o.drop_layers.empty()) {
    metadata.set("slipstream.distill.dropped_layers", MetaArray{o.drop_layers});
  }
}

// All that decides the numbers of a training but the machine.
std::uint64_t fingerprint(const DistillOptions& o, const TeacherCache& cache,
                          const Student& student) {
  ContentHasher hasher;
  for (const Parameter& parameter : student.parameters) {
    hasher.add(std::as_bytes(std::span(parameter.values)));
  }
  const std::string options = fmt::format(
      "{} {} {} {} {} {} {} {} {} {} {} {} {} {}", cache.key(), o.n_steps, o.minutes.value_or(0.0f),
      o.batch, o.n_held_out, *o.learning_rate, *o.weight_decay, *o.clip_norm, *o.kl_weight,
      *o.temperature, o.warmup, o.eval_every, o.patience, o.seed);
  hasher.add(std::as_bytes(std::span(options)));
  return hasher.value();
}

Result<> write_plot(const DistillOptions& o, const TrainingProgress& progress) {
  if (o.plot.empty()) return {};
  auto file = SLIP_TRY(AtomicFile::create(o.plot));
  const std::string title = fmt::format("{} from {}", fs::path(o.out).filename().string(),
                                        fs::path(find_model(o.teacher)).filename().string());
  SLIP_TRY(file.write(loss_curve(progress.training, progress.held_out, title)));
  return file.commit();
}

std::string time_left(const TrainingProgress& p) {
  if (p.n_steps == 0 || p.step == 0) return "time left unknown";
  const double seconds =
      p.seconds / static_cast<double>(p.step) * static_cast<double>(p.n_steps - p.step);
  return seconds < 90 ? fmt::format("{:.0f} s left", seconds)
                      : fmt::format("{:.0f} min left", seconds / 60);
}

std::string as_json(const DistillOptions& o, const TrainingProgress& p, const Network& network) {
  JsonWriter json;
  const auto losses = [&json](const char* key, const Losses& of) {
    json.key(key).begin_object().key("kl").fixed(of.kl, 6);
    json.key("cross_entropy").fixed(of.cross_entropy, 6).key("loss").fixed(of.loss, 6);
    json.end_object();
  };
  json.begin_object().key("file").string(o.out).key("device").string(network.device());
  json.key("steps").integer(p.step).key("best_step").integer(p.best_step);
  json.key("tokens").integer(p.step * o.batch * o.window).key("seconds").fixed(p.seconds, 3);
  losses("before", p.first);
  losses("after", p.best);
  return json.end_object().take();
}

std::string as_text(const DistillOptions& o, const TrainingProgress& p) {
  return fmt::format(
      "{}: {} steps of {} tokens in {:.1f} s; best at step {}\n"
      "held out: KL {:.4f} -> {:.4f} ({:.2f} x less), cross-entropy {:.4f} -> {:.4f}\n",
      printable(o.out), p.step, o.batch * o.window, p.seconds, p.best_step, p.first.kl, p.best.kl,
      p.first.kl / p.best.kl, p.first.cross_entropy, p.best.cross_entropy);
}

Result<TrainingProgress> run_training(const DistillOptions& o, const TeacherCache& cache,
                                      Network& network, Student& student) {
  TrainingOptions options = training_options(o);
  options.fingerprint = fingerprint(o, cache, student);
  const TrainingFiles files{.out = o.out, .checkpoint = o.out + ".checkpoint"};
  std::error_code ignored;
  if (fs::exists(files.checkpoint, ignored)) {
    print_note(fmt::format("going on from {}", printable(files.checkpoint.string())));
  } else if (fs::exists(files.out, ignored) && !o.force) {
    return invalid("{}: expected no such file yet, got one (--force replaces it)", o.out);
  }
  Progress bar("distill, percent", 100);
  Result<> plotted;
  TrainingHooks hooks{.cancel = &InterruptGuard::flag()};
  hooks.on_step = [&bar](const TrainingProgress& p, const Losses& losses, double norm) {
    const std::int64_t percent = p.n_steps > 0 ? 100 * p.step / p.n_steps : 0;
    bar.update(percent,
               fmt::format("loss {:.4f}, gradient {:.2f}, {}", losses.loss, norm, time_left(p)));
  };
  hooks.on_evaluation = [&](const TrainingProgress& p, const Losses& losses) {
    bar.erase();
    if (!is_quiet()) {
      print_status(fmt::format("step {:>5} of {}: held out KL {:.4f}, cross-entropy {:.4f}; {}",
                               p.step, p.n_steps > 0 ? fmt::format("{}", p.n_steps) : "?",
                               losses.kl, losses.cross_entropy, time_left(p)));
    }
    if (plotted) plotted = write_plot(o, p);
  };
  auto progress = train(network, student, cache, files, options, hooks);
  bar.erase();
  if (progress) SLIP_TRY(std::move(plotted));
  return progress;
}

Result<int> run(const DistillOptions& o) {
  const InterruptGuard guard;
  Student student = SLIP_TRY(make_student(o));
  auto cached = teacher_cache(o, student);
  if (InterruptGuard::raised() && !cached) return kExitInterrupted;
  const TeacherCache cache = SLIP_TRY(std::move(cached));
  add_provenance(o, cache, student);
  const int n_threads = o.n_threads > 0 ? o.n_threads : cpu_budget().n_threads();
  Network network(student, {.n_threads = n_threads,
                            .window = o.window,
                            .temperature = *o.temperature,
                            .kl_weight = *o.kl_weight});
  auto trained = run_training(o, cache, network, student);
  if (InterruptGuard::raised() && !trained) return kExitInterrupted;
  const TrainingProgress progress = SLIP_TRY(std::move(trained));
  Output out;
  out.write(o.json ? as_json(o, progress, network) : as_text(o, progress));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<DistillOptions>();
  o->declare(args);
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& distill_command() {
  static const Command command{.name = "distill",
                               .summary = "train a smaller model to answer as a larger one does",
                               .group = "Compress",
                               .setup = setup};
  return command;
}

}  // namespace slip
