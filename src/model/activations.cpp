#include "model/activations.h"

#include <algorithm>

#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/project.h"

namespace slip {
namespace {

struct Widths {
  std::int64_t q = 0, kv = 0, ff = 0, in = 0;
};

Widths widths(const ModelWeights& weights) {
  Widths w;
  for (const LayerWeights& layer : weights.layers) {
    w.q = std::max(w.q, layer.q.n_out_padded());
    w.kv = std::max({w.kv, layer.k.n_out_padded(), layer.v.n_out_padded()});
    w.ff = std::max({w.ff, layer.gate.n_out_padded(), layer.up.n_out_padded()});
    w.in = std::max({w.in, layer.q.n_in(), layer.o.n_in(), layer.gate.n_in(), layer.down.n_in()});
  }
  w.in = std::max(w.in, weights.output.n_in());
  return w;
}

}  // namespace

Result<Activations> Activations::create(const ModelWeights& weights, const KernelTable& kernels,
                                        std::int64_t max_rows) {
  Activations act;
  act.max_rows = max_rows;
  const Widths w = widths(weights);
  const std::int64_t d = (weights.source->config().d_model + 15) / 16 * 16;
  const auto allocate = [&](std::int64_t width) {
    return AlignedBuffer::allocate(static_cast<std::size_t>(max_rows * width) * sizeof(float));
  };
  act.stream = SLIP_TRY(allocate(d));
  act.normed = SLIP_TRY(allocate(d));
  act.q = SLIP_TRY(allocate(w.q));
  act.k = SLIP_TRY(allocate(w.kv));
  act.v = SLIP_TRY(allocate(w.kv));
  act.attended = SLIP_TRY(allocate(w.q));
  act.gate = SLIP_TRY(allocate(w.ff));
  act.up = SLIP_TRY(allocate(w.ff));
  act.block_out = SLIP_TRY(allocate(d));
  act.quantized = SLIP_TRY(AlignedBuffer::allocate(kernels.act_bytes(max_rows, w.in)));
  act.rounded = SLIP_TRY(AlignedBuffer::allocate(kernels.bf16_bytes(max_rows, w.in)));
  return act;
}

ScratchBytes scratch_bytes(const ModelWeights& weights, const KernelTable& kernels,
                           std::int64_t n_ctx) {
  ScratchBytes most{.per_thread = project_scratch_bytes(kernels, widths(weights).in)};
  if (weights.arithmetic == Arithmetic::kExact) {
    most.per_thread = std::max(most.per_thread, matmul_scratch_bytes(widths(weights).in));
  }
  for (const LayerRecipe& layer : weights.source->config().layers) {
    const ScratchBytes attention = attention_scratch_bytes({.n_ctx = n_ctx,
                                                            .n_heads = layer.n_heads,
                                                            .n_kv_heads = layer.n_kv_heads,
                                                            .head_dim = layer.head_dim});
    most.per_thread = std::max(most.per_thread, attention.per_thread);
    most.shared = std::max(most.shared, attention.shared);
  }
  return most;
}

}  // namespace slip
