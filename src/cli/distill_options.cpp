#include "cli/distill_options.h"

namespace slip {
namespace {

void declare_data(DistillOptions& o, Arguments& args) {
  args.section("Models");
  args.add_path("--teacher", o.teacher, "the model to learn from");
  args.add_path("--student", o.student, "GGUF file to begin with; without it, the teacher's own");
  args.add("--drop-layers", o.drop_layers, "layers that the student goes without: 10,12,20",
           {.min = 0, .max = 1023});
  args.add("--shape", o.shape,
           "begin with random weights: layers=4,width=192,heads=3,kv-heads=3,ffn=512");
  args.add_path("-o,--out", o.out, "the trained student: a GGUF file, F16");
  args.section("Text");
  args.add_path("-f,--file", o.file, "the text to train on");
  args.add("--window", o.window, "tokens of a training example", {.min = 16, .max = 8192});
  args.add("--max-windows", o.max_windows, "training examples at most; 0 = all of the text",
           kNotNegative);
  args.add("--held-out", o.n_held_out, "of these, the last to be kept for evaluation", kPositive);
  args.add("--continue-after", o.continue_after,
           "the teacher writes each example itself behind this many tokens; 0 = the text as it is",
           kNotNegative);
  args.add("--top-k", o.top_k, "tokens that are kept of the teacher's distribution",
           {.min = 1, .max = 1024});
  args.add_path("--teacher-cache", o.teacher_cache, "file for them; default: OUT.teacher");
}

void declare_training(DistillOptions& o, Arguments& args) {
  args.section("Training");
  args.add("--steps", o.n_steps, "steps to train", kNotNegative);
  args.add("--minutes", o.minutes, "train as many steps as fit into this time", {.min = 0.01});
  args.add("--batch", o.batch, "examples of a step", {.min = 1, .max = 1024});
  args.add("--learning-rate", o.learning_rate, "the largest, after the warm-up",
           {.min = 0, .max = 1});
  args.add("--warmup", o.warmup, "steps until then; a cosine to a tenth follows", kPositive);
  args.add("--temperature", o.temperature, "of both distributions", {.min = 0.1, .max = 20});
  args.add("--kl-weight", o.kl_weight, "share of the KL in the loss; the rest is cross-entropy",
           {.min = 0, .max = 1});
  args.add("--weight-decay", o.weight_decay, "of AdamW, for matrices", {.min = 0, .max = 1});
  args.add("--clip-norm", o.clip_norm, "largest norm of a step's gradient", {.min = 1e-6});
  args.add("--eval-every", o.eval_every, "steps between evaluations", kPositive);
  args.add("--patience", o.patience, "evaluations without progress that end the training",
           kPositive);
  args.add("--checkpoint-every", o.checkpoint_every, "steps between checkpoints", kPositive);
  args.add("--seed", o.seed, "of the order of examples, and of random weights", kNotNegative);
  args.add("-t,--threads", o.n_threads, "0: one a core that this process may use",
           {.min = 0, .max = 1024});
}

Result<> check(const DistillOptions& o) {
  if (o.teacher.empty()) return invalid("no teacher given: expected --teacher MODEL");
  if (o.file.empty()) return invalid("no text given: expected -f FILE");
  if (o.out.empty()) return invalid("no file to write given: expected -o FILE");
  if ((o.n_steps > 0) == o.minutes.has_value()) {
    return invalid("expected --steps or --minutes, got {}", o.n_steps > 0 ? "both" : "neither");
  }
  if (!o.shape.empty() && !(o.student.empty() && o.drop_layers.empty())) {
    return invalid("--shape: expected neither --student nor --drop-layers beside it");
  }
  if (o.continue_after >= o.window) {
    return invalid("--continue-after: expected less than --window ({}), got {}", o.window,
                   o.continue_after);
  }
  return {};
}

}  // namespace

void DistillOptions::declare(Arguments& args) {
  declare_data(*this, args);
  declare_training(*this, args);
  args.section("Output");
  args.add_path("--plot", plot, "SVG file for the loss curves");
  args.add_flag("--force", force, "replace the file to write if it exists");
  args.add_flag("--json", json, "print JSON");
  args.require([this] { return check(*this); });
}

}  // namespace slip
