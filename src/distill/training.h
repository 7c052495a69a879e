// The training of a student on a teacher's cache: schedule, evaluation, checkpoints.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.h"
#include "distill/loss_curve.h"
#include "distill/network.h"
#include "distill/student.h"
#include "distill/teacher_cache.h"

namespace slip {

struct TrainingOptions {
  std::int64_t n_steps = 0;  // 0: what fits into `seconds`, by the time of the first steps
  double seconds = 0;
  std::int64_t batch = 8;        // windows of a step
  std::int64_t n_held_out = 16;  // windows, the cache's last
  double learning_rate = 2e-4;
  double weight_decay = 0.01;
  double clip_norm = 1;
  std::int64_t warmup = 20;      // steps
  std::int64_t eval_every = 20;  // steps
  std::int64_t patience = 10;    // evaluations without progress
  std::int64_t checkpoint_every = 20;
  std::uint64_t seed = 1;
  std::uint64_t fingerprint = 0;  // of all that a checkpoint must agree with
};

// Where a training stands; all but the weights. A checkpoint keeps it.
struct TrainingProgress {
  std::int64_t step = 0;         // done
  std::int64_t n_steps = 0;      // in all; 0: not known yet
  double seconds = 0;            // that steps took, over all runs
  Losses first = {}, best = {};  // held out
  std::int64_t best_step = 0;
  std::int64_t n_without_progress = 0;  // evaluations
  std::vector<CurvePoint> training = {}, held_out = {};
};

struct TrainingHooks {
  // After a step; `norm`: of its gradient.
  std::function<void(const TrainingProgress&, const Losses&, double norm)> on_step = {};
  std::function<void(const TrainingProgress&, const Losses&)> on_evaluation = {};
  const std::atomic<bool>* cancel = nullptr;
};

// The learning rate of a step (from 1): linear to the largest over the warm-up, then a cosine that
// ends at a tenth of it after n_steps (Loshchilov and Hutter 2017).
double learning_rate_at(std::int64_t step, std::int64_t n_steps, const TrainingOptions& options);

// The windows of a step (from 1), of `n` in all: each epoch has all of them once, in an order of
// its own.
std::vector<std::int64_t> windows_of_step(std::int64_t step, std::int64_t n,
                                          const TrainingOptions& options);

// Trains `network` and writes the student that was best on the held-out windows to `out`, each time
// that one is better; before the first step's, the student as it came. Every checkpoint_every
// steps, and when cancelled, `checkpoint` is written, and a run that finds one goes on from there
// with the same numbers as if it had not been stopped; it is removed at the end.
// Errors: kInvalid for too few windows, for a loss that is no number, and for another run's
// checkpoint; kCancelled; kIo.
struct TrainingFiles {
  std::filesystem::path out;
  std::filesystem::path checkpoint;
};
Result<TrainingProgress> train(Network& network, Student& student, const TeacherCache& cache,
                               const TrainingFiles& files, const TrainingOptions& options,
                               const TrainingHooks& hooks);

}  // namespace slip
