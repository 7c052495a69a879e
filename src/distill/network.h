// The student's forward and backward pass, and the optimiser, on libtorch: all of torch that the
// others see is behind this class.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "distill/student.h"
#include "distill/teacher_cache.h"

namespace slip {

struct NetworkOptions {
  int n_threads = 1;
  std::int64_t window = 256;  // positions
  double temperature = 1;     // of both distributions in the KL
  double kl_weight = 0.9;
};

// Means over the positions, in nats. `kl`: Kullback-Leibler divergence from the teacher, over its k
// likeliest tokens and all others as one event (a lower bound of the whole one), at the
// temperature. `loss`: kl_weight · T² · kl + (1 - kl_weight) · cross_entropy (Hinton, Vinyals and
// Dean 2015).
struct Losses {
  double kl = 0;
  double cross_entropy = 0;  // of the token that follows, temperature 1
  double loss = 0;
};

// AdamW (Loshchilov and Hutter 2019) with betas 0.9 and 0.95.
struct UpdateOptions {
  double learning_rate = 0;
  double weight_decay = 0;  // of matrices
  double clip_norm = 1;
  std::int64_t step = 1;  // from 1
};

// f32. On a GPU when libtorch has one, else on n_threads. The same numbers come out for the same
// number of threads. Not thread-safe. Functions throw what libtorch throws (std::exception): no
// memory, or a device that fails.
class Network {
 public:
  Network(const Student& student, const NetworkOptions& options);
  ~Network();

  // "cpu" or "cuda".
  std::string device() const;

  // Adds the gradient of the mean loss over the windows, all of the same length. Each window's last
  // position has no token behind it and doesn't count.
  Losses add_gradient(std::span<const TeacherWindow> windows);
  Losses evaluate(std::span<const TeacherWindow> windows);
  // Applies the gradient and forgets it; its norm before clipping.
  double update(const UpdateOptions& options);

  // [n_tokens][n_vocab]
  std::vector<float> logits(std::span<const std::int32_t> tokens);

  void store_weights(Student& student) const;
  // Weights and the optimiser's moments, in pieces, in the order that they are asked for again.
  void save(const std::function<void(std::span<const std::byte>)>& write) const;
  void restore(const std::function<void(std::span<std::byte>)>& read);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slip
