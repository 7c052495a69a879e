// The buffers of a forward pass, sized once at creation.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernels.h"
#include "model/weights.h"
#include "ops/op_context.h"

namespace slip {

// Rows are as wide as the widest layer needs, rounded up to groups of 16.
struct Activations {
  std::int64_t max_rows = 0;
  AlignedBuffer stream;     // [max_rows][d_model], the residual stream
  AlignedBuffer normed;     // [max_rows][d_model]
  AlignedBuffer q, k, v;    // [max_rows][heads · head_dim]
  AlignedBuffer attended;   // [max_rows][heads · head_dim]
  AlignedBuffer gate, up;   // [max_rows][d_ff]
  AlignedBuffer block_out;  // [max_rows][d_model]
  AlignedBuffer quantized;  // the input of a product, quantised
  AlignedBuffer rounded;    // or rounded to BF16
  std::vector<float> logits;
  std::vector<float> peaks;
  std::vector<float> hidden;

  static Result<Activations> create(const ModelWeights& weights, const KernelTable& kernels,
                                    std::int64_t max_rows);
};

// What the ops of this model need.
ScratchBytes scratch_bytes(const ModelWeights& weights, const KernelTable& kernels,
                           std::int64_t n_ctx);

}  // namespace slip
