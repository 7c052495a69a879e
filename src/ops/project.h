// A linear map with what goes before and after it: norm, quantising; bias, activation, residual.
#pragma once

#include <cstddef>
#include <span>

#include "ops/matmul.h"
#include "ops/rowwise.h"

namespace slip {

// Where rows that are normalised, and what products take of them, are kept.
struct ProjectBuffers {
  Rows normed = {};                // [n_rows][n_cols]
  std::byte* quantized = nullptr;  // act_bytes of the kernels, 64-byte aligned
  std::byte* rounded = nullptr;    // bf16_bytes of the kernels, 64-byte aligned
};

struct ProjectInput {
  Rows x = {};           // [n_rows][n_cols]
  NormParams norm = {};  // of each row first; without a weight: none
  // For quantised weights, blocks whose largest value is above so many root mean squares of their
  // row get 16 bits, the others 8 (ActQuantArgs). BF16 weights meet f32 where all blocks get 16,
  // else the row rounded to BF16.
  float fine_above = 0;
  ProjectBuffers buffers = {};  // for many rows
};

struct ProjectJob {
  const WeightMatrix* weight = nullptr;
  std::span<const float> bias = {};  // empty: none
  Rows out = {};                     // its stride has room for whole groups of 16
};

// What is done with a product's results while they are in the cache.
struct Epilogue {
  Rows residual =
      {};  // with data: residual += factor · out; the sum of out's rows is scaled in place
  float factor = 1;  // of residual
  // With data: the largest of each group of 16 that a row of out has, [n_rows][n_groups].
  Rows peaks = {};
  // Of two jobs, gate and up: gate.out = activation(gate.out) · up.out.
  const GateActivation* activation = nullptr;
};

// Sees what products are given: calibration's view of the model.
class InputObserver {
 public:
  virtual ~InputObserver() = default;
  // Before a product, on the thread that runs the ops. `x`: what the weights of all jobs multiply,
  // after the norm; [n_rows][n_cols of the weights].
  virtual void on_input(const Rows& x, std::span<const ProjectJob> jobs) = 0;
};

// out = W · norm(x) + bias for up to 3 jobs with one input, then the epilogue. A few rows are one
// parallel region: every thread prepares the input for itself, which takes less than waiting for
// one that does.
void project(OpContext& ctx, const ProjectInput& input, std::span<const ProjectJob> jobs,
             const Epilogue& epilogue);

// Scratch per thread that project needs for inputs of n_cols columns.
std::size_t project_scratch_bytes(const KernelTable& kernels, std::int64_t n_cols);

}  // namespace slip
