#include "model/cpu_runner.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"
#include "model/activations.h"
#include "model/config_keys.h"
#include "model/rope.h"
#include "ops/attention.h"
#include "ops/project.h"
#include "ops/rowwise.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

// ProjectInput::fine_above. With 4, a fifth of SmolLM2's blocks and of Gemma 3's get 16 bits.
float fine_above(ActivationBits bits) {
  switch (bits) {
    case ActivationBits::k16:
      break;
    case ActivationBits::kMixed:
      return 4.0f;
    case ActivationBits::k8:
      return std::numeric_limits<float>::infinity();
  }
  return 0.0f;
}

class CpuRunner final : public ModelRunner {
 public:
  CpuRunner(std::shared_ptr<const ModelWeights> weights, OpContext ctx, Activations activations,
            KvStore kv, const CpuRunnerOptions& options)
      : weights_(std::move(weights)),
        config_(weights_->source->config()),
        ctx_(std::move(ctx)),
        act_(std::move(activations)),
        kv_(std::move(kv)),
        n_ctx_(options.n_ctx),
        fine_above_(fine_above(options.activations)) {
    ctx_.set_observer(options.observer);
    for (const RopeSpec& spec : config_.ropes) ropes_.emplace_back(spec, n_ctx_);
  }

  const ModelConfig& config() const override { return config_; }
  KvStore& kv() override { return kv_; }
  std::int64_t max_rows() const override { return act_.max_rows; }
  std::int64_t n_ctx() const override { return n_ctx_; }
  void set_trace(Trace* trace) override { ctx_.set_trace(trace); }

  Result<Ticket> submit(const ForwardBatch& batch) override;
  Result<ForwardOutput> wait(Ticket ticket) override;

 private:
  Result<> check_row(const ForwardBatch& batch, const BatchRow& row) const;
  Result<> begin_run(const ForwardBatch& batch, std::size_t row_idx);
  void embed();
  void make_rope_tables();
  void layer(int index);
  void attention(const LayerWeights& w, const LayerRecipe& recipe, int index);
  void ffn(const LayerWeights& w);
  void outputs();

  // What products take: rows of the stream, normalised, or rows as they are.
  ProjectInput normed(std::span<const float> norm_weight);
  ProjectInput as_is(const Rows& x, float fine_above);
  static ProjectJob job(const Linear& linear, const Rows& out) {
    return {.weight = &linear.matrix(), .bias = linear.bias(), .out = out};
  }
  // The residual stream gains the product, after an optional norm.
  void project_to_stream(const Rows& x, const Linear& linear, std::span<const float> post_norm);
  NormParams norm(std::span<const float> weight) const {
    return {.weight = weight, .weight_offset = config_.norm_weight_offset, .eps = config_.norm_eps};
  }
  Rows rows(AlignedBuffer& buffer, std::int64_t width) const {
    return {.data = buffer.as<float>(), .stride = width, .n_rows = n_rows_};
  }

  std::shared_ptr<const ModelWeights> weights_;
  const ModelConfig& config_;
  OpContext ctx_;
  Activations act_;
  KvStore kv_;
  std::int64_t n_ctx_;
  float fine_above_;
  std::vector<RopeAngles> ropes_;

  ForwardBatch batch_;
  std::uint64_t ticket_ = 0;
  std::int64_t n_rows_ = 0;
  std::vector<AttentionRun> runs_;
  std::vector<std::int32_t> positions_;
  std::vector<std::vector<float>> rope_cos_, rope_sin_;  // by rope, [n_rows][n_rot/2]
};

Result<> CpuRunner::check_row(const ForwardBatch& batch, const BatchRow& row) const {
  if (row.token < 0 || row.token >= config_.n_vocab) {
    return invalid("token {}: expected 0 … {}", row.token, config_.n_vocab - 1);
  }
  if (row.position < 0 || row.position >= n_ctx_) {
    return fail(ErrorKind::kLimit, "position {}: the context holds {} tokens", row.position,
                n_ctx_);
  }
  if (row.sequence < 0 || row.sequence >= static_cast<int>(batch.page_tables.size())) {
    return invalid("batch row: sequence {} has no page table", row.sequence);
  }
  const auto& pages = batch.page_tables[static_cast<std::size_t>(row.sequence)];
  const auto page = static_cast<std::size_t>(row.position / kKvPageTokens);
  if (page >= pages.size() || pages[page] < 0 || pages[page] >= kv_.n_pages()) {
    return invalid("position {} of sequence {}: no KV page", row.position, row.sequence);
  }
  return {};
}

// The row is the first of its sequence in the batch.
Result<> CpuRunner::begin_run(const ForwardBatch& batch, std::size_t row_idx) {
  const BatchRow& row = batch.rows[row_idx];
  const auto pages = batch.page_tables[static_cast<std::size_t>(row.sequence)];
  for (const AttentionRun& run : runs_) {
    if (batch.rows[static_cast<std::size_t>(run.row_begin)].sequence == row.sequence) {
      return invalid(
          "batch row {}: expected the rows of sequence {} side by side, got others between",
          row_idx, row.sequence);
    }
  }
  const std::int64_t n_filled = kv_.n_filled(pages, row.position);
  if (row.position > n_filled) {
    return invalid("batch row {}: expected position {} of sequence {} or an earlier one, got {}",
                   row_idx, n_filled, row.sequence, row.position);
  }
  const auto at = static_cast<std::int64_t>(row_idx);
  runs_.push_back({at, at + 1, pages});
  return {};
}

Result<Ticket> CpuRunner::submit(const ForwardBatch& batch) {
  if (batch.rows.empty() || static_cast<std::int64_t>(batch.rows.size()) > act_.max_rows) {
    return invalid("batch: expected 1 … {} rows, got {}", act_.max_rows, batch.rows.size());
  }
  runs_.clear();
  positions_.clear();
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    SLIP_TRY(check_row(batch, row));
    if (i > 0 && batch.rows[i - 1].sequence == row.sequence) {
      if (row.position != batch.rows[i - 1].position + 1) {
        return invalid("batch row {}: expected position {}, got {}", i,
                       batch.rows[i - 1].position + 1, row.position);
      }
      ++runs_.back().row_end;
    } else {
      SLIP_TRY(begin_run(batch, i));
    }
    positions_.push_back(row.position);
  }
  batch_ = batch;
  n_rows_ = static_cast<std::int64_t>(batch.rows.size());
  return Ticket{++ticket_};
}

Result<ForwardOutput> CpuRunner::wait(Ticket ticket) {
  SLIP_CHECK(ticket.id == ticket_ && n_rows_ > 0);
  // Until the pass has ended, what it overwrites counts as absent.
  for (const AttentionRun& run : runs_) {
    const std::int64_t begin = positions_[static_cast<std::size_t>(run.row_begin)];
    kv_.set_filled(run.pages, begin, begin);
  }
  make_rope_tables();
  embed();
  for (int i = 0; i < config_.n_layers(); ++i) {
    if (batch_.cancel != nullptr && batch_.cancel->load(std::memory_order_relaxed)) {
      return fail(ErrorKind::kCancelled, "the forward pass was cancelled");
    }
    ctx_.set_layer(i);
    layer(i);
  }
  ctx_.set_layer(-1);
  outputs();
  for (const AttentionRun& run : runs_) {
    const std::int64_t begin = positions_[static_cast<std::size_t>(run.row_begin)];
    kv_.set_filled(run.pages, begin, begin + run.row_end - run.row_begin);
  }
  n_rows_ = 0;
  return ForwardOutput{.logits = act_.logits, .peaks = act_.peaks, .hidden = act_.hidden};
}

void CpuRunner::embed() {
  const Rows x = rows(act_.stream, config_.d_model);
  const TensorView& table = *weights_->embedding;
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int32_t token = batch_.rows[static_cast<std::size_t>(r)].token;
      decode_row(table.dtype, table.row(token), config_.d_model, x.row(r));
      if (config_.embedding_scale != 1.0f) {
        ctx_.kernels().scale(x.row(r), config_.embedding_scale, config_.d_model);
      }
    }
  };
  ctx_.parallel_for(n_rows_, 16, task, [&] {
    return OpCost{.name = "embed", .bytes = n_rows_ * (table.row_bytes() + 4 * config_.d_model)};
  });
}

void CpuRunner::make_rope_tables() {
  rope_cos_.resize(ropes_.size());
  rope_sin_.resize(ropes_.size());
  for (std::size_t i = 0; i < ropes_.size(); ++i) {
    const auto half = static_cast<std::size_t>(ropes_[i].n_rot() / 2);
    rope_cos_[i].resize(half * positions_.size());
    rope_sin_[i].resize(half * positions_.size());
    const auto task = [&](std::int64_t begin, std::int64_t end, int) {
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        ropes_[i].at(positions_[r], &rope_cos_[i][r * half], &rope_sin_[i][r * half]);
      }
    };
    ctx_.parallel_for(n_rows_, 16, task, [&] {
      return OpCost{.name = "rope tables", .bytes = n_rows_ * ropes_[i].n_rot() * 4};
    });
  }
}

void CpuRunner::layer(int index) {
  const LayerWeights& w = weights_->layers[static_cast<std::size_t>(index)];
  const LayerRecipe& recipe = config_.layers[static_cast<std::size_t>(index)];
  attention(w, recipe, index);
  ffn(w);
}

void CpuRunner::attention(const LayerWeights& w, const LayerRecipe& recipe, int index) {
  const Rows q = rows(act_.q, w.q.n_out_padded());
  const Rows k = rows(act_.k, w.k.n_out_padded()), v = rows(act_.v, w.v.n_out_padded());
  const ProjectJob qkv[] = {job(w.q, q), job(w.k, k), job(w.v, v)};
  project(ctx_, normed(w.attn_norm), qkv, {});
  RopeTables tables;
  if (recipe.rope >= 0) {
    const auto at = static_cast<std::size_t>(recipe.rope);
    tables = {.cos = rope_cos_[at],
              .sin = rope_sin_[at],
              .n_rot = ropes_[at].n_rot(),
              .interleaved = config_.ropes[at].interleaved};
  }
  // Few bits hold a head without outliers best.
  const bool can_rotate = std::has_single_bit(static_cast<unsigned>(recipe.head_dim));
  HeadTransform of_q{.rope = recipe.rope >= 0 ? &tables : nullptr,
                     .is_rotated = can_rotate && is_quantised(kv_.k_type())};
  HeadTransform of_k = of_q;
  if (config_.qk_norm) {
    of_q.norm = norm(w.q_norm);
    of_k.norm = norm(w.k_norm);
  }
  const AttentionInput input{.runs = runs_,
                             .positions = positions_,
                             .q = q.data,
                             .k = k.data,
                             .v = v.data,
                             .q_stride = q.stride,
                             .kv_stride = k.stride,
                             .of_q = of_q,
                             .of_k = of_k,
                             .of_v = {.is_rotated = can_rotate && is_quantised(kv_.v_type())}};
  const AttentionParams params{.n_heads = recipe.n_heads,
                               .window = recipe.window,
                               .scale = config_.attention_scale > 0
                                            ? config_.attention_scale
                                            : 1.0f / std::sqrt(static_cast<float>(recipe.head_dim)),
                               .soft_cap = config_.attention_soft_cap};
  const std::int64_t width = std::int64_t{recipe.n_heads} * recipe.head_dim;
  const Rows attended = rows(act_.attended, width);
  attend(ctx_, kv_.layer(index), params, input,
         {attended.data, static_cast<std::size_t>(n_rows_ * width)});
  project_to_stream(attended, w.o, w.post_attn_norm);
}

void CpuRunner::ffn(const LayerWeights& w) {
  const Rows g = rows(act_.gate, w.gate.n_out_padded()), u = rows(act_.up, w.up.n_out_padded());
  const ProjectJob gate_up[] = {job(w.gate, g), job(w.up, u)};
  const auto activation = config_.activation == FfnActivation::kSilu ? GateActivation::kSilu
                                                                     : GateActivation::kGeluTanh;
  project(ctx_, normed(w.ffn_norm), gate_up, {.activation = &activation});
  project_to_stream(g, w.down, w.post_ffn_norm);
}

ProjectInput CpuRunner::normed(std::span<const float> norm_weight) {
  ProjectInput input = as_is(rows(act_.stream, config_.d_model), fine_above_);
  input.norm = norm(norm_weight);
  return input;
}

ProjectInput CpuRunner::as_is(const Rows& x, float fine_above) {
  return {.x = x,
          .fine_above = fine_above,
          .buffers = {.normed = rows(act_.normed, config_.d_model),
                      .quantized = act_.quantized.data(),
                      .rounded = act_.rounded.data()}};
}

void CpuRunner::project_to_stream(const Rows& x, const Linear& linear,
                                  std::span<const float> post_norm) {
  const Rows stream = rows(act_.stream, config_.d_model);
  const Rows y = rows(act_.block_out, linear.n_out_padded());
  const ProjectJob jobs[] = {job(linear, y)};
  if (post_norm.empty()) {
    project(ctx_, as_is(x, fine_above_), jobs,
            {.residual = stream, .factor = config_.residual_scale});
  } else {
    project(ctx_, as_is(x, fine_above_), jobs, {});
    add_normed(ctx_, norm(post_norm), stream, y, config_.residual_scale);
  }
}

void CpuRunner::outputs() {
  const std::int64_t d = config_.d_model;
  const Rows x = rows(act_.stream, d), h = rows(act_.normed, d);
  std::int64_t n_logits = 0, n_hidden = 0;
  act_.hidden.clear();
  for (std::int64_t r = 0; r < n_rows_; ++r) {
    const RowOutput want = batch_.rows[static_cast<std::size_t>(r)].output;
    if (want == RowOutput::kNone) continue;
    const NormParams params = norm(weights_->output_norm);
    // Rows that want logits are packed to the front of `normed` for one product.
    float* out = want == RowOutput::kLogits ? h.row(n_logits++) : nullptr;
    if (out == nullptr) {
      act_.hidden.resize(static_cast<std::size_t>((++n_hidden) * d));
      out = act_.hidden.data() + (n_hidden - 1) * d;
    }
    const SerialSpan span(ctx_.trace(), {.name = "norm", .bytes = 2 * d * 4});
    norm_row(ctx_, params, x.row(r), out);
  }
  const Linear& output = weights_->output;
  const std::int64_t stride = output.n_out_padded(), n_vocab = config_.n_vocab;
  act_.logits.resize(static_cast<std::size_t>(n_logits * stride));
  act_.peaks.clear();
  if (n_logits == 0) return;
  const Rows logits{.data = act_.logits.data(), .stride = stride, .n_rows = n_logits};
  const ProjectJob jobs[] = {job(output, logits)};
  // The logits feel every error of this input directly, and few rows want them.
  const std::int64_t n_peaks = output.matrix().n_groups();
  act_.peaks.resize(static_cast<std::size_t>(n_logits * n_peaks));
  project(ctx_, as_is({.data = h.data, .stride = d, .n_rows = n_logits}, 0.0f), jobs,
          {.peaks = {.data = act_.peaks.data(), .stride = n_peaks, .n_rows = n_logits}});
  if (config_.logit_scale != 1.0f || config_.final_soft_cap > 0) act_.peaks.clear();
  const int n_sweeps =
      (stride != n_vocab) + (config_.logit_scale != 1.0f) + (config_.final_soft_cap > 0);
  for (std::int64_t r = 0; r < n_logits; ++r) {
    const SerialSpan span(ctx_.trace(), {.name = "logits", .bytes = 2 * n_sweeps * n_vocab * 4});
    float* row = act_.logits.data() + r * n_vocab;
    if (stride != n_vocab) std::copy_n(act_.logits.data() + r * stride, n_vocab, row);
    if (config_.logit_scale != 1.0f) ctx_.kernels().scale(row, config_.logit_scale, n_vocab);
    if (config_.final_soft_cap > 0) ctx_.kernels().soft_cap(row, config_.final_soft_cap, n_vocab);
  }
  act_.logits.resize(static_cast<std::size_t>(n_logits * n_vocab));
}

}  // namespace

Result<std::unique_ptr<ModelRunner>> make_cpu_runner(std::shared_ptr<const ModelWeights> weights,
                                                     ThreadPool& pool,
                                                     const CpuRunnerOptions& options) {
  const ModelConfig& config = weights->source->config();
  const KernelTable* kernels =
      options.kernels != nullptr ? options.kernels : SLIP_TRY(default_kernels());
  const std::int64_t n_ctx = options.n_ctx > 0 ? options.n_ctx : config.context_length;
  if (n_ctx < 1 || n_ctx > kMaxContext) {
    return invalid("context: expected 1 … {} tokens, got {}", kMaxContext, n_ctx);
  }
  CpuRunnerOptions resolved = options;
  resolved.n_ctx = n_ctx;
  KvOptions kv_options = options.kv;
  if (kv_options.n_pages == 0) {
    kv_options.n_pages = static_cast<std::int32_t>((n_ctx + kKvPageTokens - 1) / kKvPageTokens);
  }
  KvStore kv = SLIP_TRY(KvStore::create(config, kv_options));
  // A pass can't have more rows than the cache has slots, of all sequences.
  const std::int64_t max_rows =
      std::clamp<std::int64_t>(options.max_rows, 1, std::int64_t{kv.n_pages()} * kKvPageTokens);
  OpContext ctx =
      SLIP_TRY(OpContext::create(pool, *kernels, scratch_bytes(*weights, *kernels, n_ctx)));
  Activations activations = SLIP_TRY(Activations::create(*weights, *kernels, max_rows));
  return std::make_unique<CpuRunner>(std::move(weights), std::move(ctx), std::move(activations),
                                     std::move(kv), resolved);
}

}  // namespace slip
