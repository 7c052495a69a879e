#include "distill/training.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <system_error>

#include "base/os/clock.h"
#include "base/rng.h"
#include "distill/checkpoint.h"

namespace slip {
namespace {

constexpr double kPi = 3.14159265358979323846;
// Steps that tell how long one takes: the first also makes torch's buffers.
constexpr std::int64_t kTimedSteps = 4;

class Training {
 public:
  Training(Network& network, Student& student, const TeacherCache& cache,
           const TrainingOptions& options)
      : network_(network), student_(student), cache_(cache), options_(options) {}

  Result<TrainingProgress> run(const TrainingFiles& files, const TrainingHooks& hooks) {
    std::error_code ignored;
    if (std::filesystem::exists(files.checkpoint, ignored)) {
      progress_ = SLIP_TRY(read_checkpoint(files.checkpoint, network_, options_.fingerprint));
    } else {
      SLIP_TRY(evaluate(files, hooks));
    }
    while (!is_over()) {
      SLIP_TRY(step(hooks));
      const bool is_cancelled =
          hooks.cancel != nullptr && hooks.cancel->load(std::memory_order_relaxed);
      const bool is_last = progress_.step == progress_.n_steps;
      if (progress_.step % options_.eval_every == 0 || is_last) SLIP_TRY(evaluate(files, hooks));
      if (is_cancelled || (progress_.step % options_.checkpoint_every == 0 && !is_over())) {
        SLIP_TRY(write_checkpoint(files.checkpoint, network_, progress_, options_.fingerprint));
      }
      if (is_cancelled) return fail(ErrorKind::kCancelled, "distill: stopped");
    }
    std::filesystem::remove(files.checkpoint, ignored);
    return progress_;
  }

 private:
  bool is_over() const {
    return (progress_.n_steps > 0 && progress_.step >= progress_.n_steps) ||
           progress_.n_without_progress >= options_.patience;
  }

  Result<> step(const TrainingHooks& hooks) {
    const std::int64_t start_ns = now_ns();
    const std::int64_t step = progress_.step + 1;
    std::vector<TeacherWindow> windows;
    const std::int64_t n = cache_.n_windows() - options_.n_held_out;
    for (const std::int64_t i : windows_of_step(step, n, options_)) windows.push_back(cache_[i]);
    const Losses losses = network_.add_gradient(windows);
    if (!std::isfinite(losses.loss)) {
      return invalid("step {}: expected a finite loss, got {}; try a smaller learning rate", step,
                     losses.loss);
    }
    const std::int64_t n_steps = options_.n_steps > 0 ? options_.n_steps : progress_.n_steps;
    const double norm = network_.update({.learning_rate = learning_rate_at(step, n_steps, options_),
                                         .weight_decay = options_.weight_decay,
                                         .clip_norm = options_.clip_norm,
                                         .step = step});
    const double seconds = static_cast<double>(now_ns() - start_ns) / 1e9;
    progress_.seconds += seconds;
    progress_.step = step;
    progress_.training.push_back({step, losses.loss});
    fastest_ = std::min(fastest_, seconds);
    if (options_.n_steps > 0) progress_.n_steps = options_.n_steps;
    if (progress_.n_steps == 0 && step == kTimedSteps) {
      const double left = std::max(0.0, options_.seconds - progress_.seconds);
      progress_.n_steps = step + static_cast<std::int64_t>(left / fastest_);
    }
    if (hooks.on_step) hooks.on_step(progress_, losses, norm);
    return {};
  }

  Result<> evaluate(const TrainingFiles& files, const TrainingHooks& hooks) {
    Losses mean;
    const std::int64_t first = cache_.n_windows() - options_.n_held_out;
    for (std::int64_t at = first; at < cache_.n_windows(); at += options_.batch) {
      std::vector<TeacherWindow> windows;
      const std::int64_t end = std::min(at + options_.batch, cache_.n_windows());
      for (std::int64_t i = at; i < end; ++i) windows.push_back(cache_[i]);
      const Losses part = network_.evaluate(windows);
      const double share = static_cast<double>(end - at) / static_cast<double>(options_.n_held_out);
      mean.kl += share * part.kl;
      mean.cross_entropy += share * part.cross_entropy;
      mean.loss += share * part.loss;
    }
    const bool is_first = progress_.held_out.empty();
    progress_.held_out.push_back({progress_.step, mean.kl});
    if (is_first) progress_.first = mean;
    if (is_first || mean.loss < progress_.best.loss) {
      progress_.best = mean;
      progress_.best_step = progress_.step;
      progress_.n_without_progress = 0;
      network_.store_weights(student_);
      SLIP_TRY(write_student(student_, files.out));
    } else {
      ++progress_.n_without_progress;
    }
    if (hooks.on_evaluation) hooks.on_evaluation(progress_, mean);
    return {};
  }

  Network& network_;
  Student& student_;
  const TeacherCache& cache_;
  const TrainingOptions& options_;
  TrainingProgress progress_;
  double fastest_ = 1e30;  // seconds of a step
};

}  // namespace

double learning_rate_at(std::int64_t step, std::int64_t n_steps, const TrainingOptions& o) {
  if (step <= o.warmup || n_steps <= o.warmup) {
    return o.learning_rate *
           std::min(1.0, static_cast<double>(step) / static_cast<double>(o.warmup));
  }
  const double done =
      static_cast<double>(step - o.warmup) / static_cast<double>(n_steps - o.warmup);
  return o.learning_rate * (0.1 + 0.9 * 0.5 * (1 + std::cos(kPi * std::min(done, 1.0))));
}

std::vector<std::int64_t> windows_of_step(std::int64_t step, std::int64_t n,
                                          const TrainingOptions& o) {
  std::vector<std::int64_t> out;
  std::vector<std::int64_t> order;
  std::int64_t shuffled = -1;  // epoch that `order` is of
  for (std::int64_t at = (step - 1) * o.batch; at < step * o.batch; ++at) {
    if (const std::int64_t epoch = at / n; epoch != shuffled) {
      shuffled = epoch;
      order.resize(static_cast<std::size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      for (std::int64_t i = n - 1; i > 0; --i) {  // Fisher and Yates
        const std::uint64_t bits = random_bits(o.seed, static_cast<std::uint64_t>(epoch * n + i));
        const auto j = static_cast<std::size_t>(bits % static_cast<std::uint64_t>(i + 1));
        std::swap(order[static_cast<std::size_t>(i)], order[j]);
      }
    }
    out.push_back(order[static_cast<std::size_t>(at % n)]);
  }
  return out;
}

Result<TrainingProgress> train(Network& network, Student& student, const TeacherCache& cache,
                               const TrainingFiles& files, const TrainingOptions& options,
                               const TrainingHooks& hooks) {
  if (cache.n_windows() <= options.n_held_out) {
    return invalid("text: expected more than the {} windows that are held out, got {}",
                   options.n_held_out, cache.n_windows());
  }
  return Training(network, student, cache, options).run(files, hooks);
}

}  // namespace slip
