#include "ops/project.h"

#include <algorithm>

namespace slip {
namespace {

// Up to so many rows, each thread prepares all of them for itself.
constexpr std::int64_t kFewRows = 4;

std::size_t align64(std::size_t n) {
  return (n + 63) / 64 * 64;
}

std::size_t normed_bytes(std::int64_t n_cols) {
  return align64(static_cast<std::size_t>(kFewRows * n_cols) * sizeof(float));
}

std::size_t quantized_bytes(const KernelTable& kernels, std::int64_t n_cols) {
  return align64(kernels.act_bytes(kFewRows, n_cols));
}

// Groups of 16 rows that one task takes when many rows of activations meet them: pairs, which the
// kernels like best; several, so that what a task reads of the activations serves many weights; few
// enough that the threads end together, even one that lost its CPU for a while.
std::int64_t groups_per_task(std::int64_t n_groups, int n_threads) {
  constexpr std::int64_t kTasksPerThread = 8;
  return std::clamp<std::int64_t>(n_groups / (kTasksPerThread * n_threads) / 2 * 2, 2, 8);
}

static_assert(kPeakGroup == kRowGroup);

class Project {
 public:
  Project(OpContext& ctx, const ProjectInput& input, std::span<const ProjectJob> jobs,
          const Epilogue& epilogue)
      : ctx_(ctx),
        input_(input),
        jobs_(jobs),
        epilogue_(epilogue),
        scratch_bytes_(project_scratch_bytes(ctx.kernels(), n_cols())),
        quantized_bytes_(quantized_bytes(ctx.kernels(), n_cols())) {
    SLIP_CHECK(epilogue.activation == nullptr || jobs.size() == 2);
    bool is_exact = false;
    for (const ProjectJob& job : jobs) {
      SLIP_CHECK(job.weight->n_cols() == n_cols());
      quantizes_ = quantizes_ || !job.weight->is_float();
      rounds_ = rounds_ || (job.weight->is_bf16() && input.fine_above != 0);
      is_exact = is_exact || job.weight->exact != nullptr;
      n_groups_ += job.weight->n_groups();
    }
    SLIP_CHECK(!quantizes_ || n_cols() % kActBlock == 0);
    // An observer wants the rows in one place.
    is_few_ = !is_exact && ctx.observer() == nullptr && input.x.n_rows <= kFewRows;
  }

  void run() {
    if (!is_few_) prepare_all();
    if (ctx_.observer() != nullptr) {
      ctx_.observer()->on_input(normalises() ? input_.buffers.normed : input_.x, jobs_);
    }
    const std::int64_t of_unit = epilogue_.activation != nullptr ? 2 : 1;
    // The weights of few rows come as one stream, however they are cut.
    const std::int64_t n_together = is_few_ ? 2 : groups_per_task(n_groups_, ctx_.n_threads());
    const auto task = [&](std::int64_t begin, std::int64_t end, int thread) {
      const MatmulInput rows = is_few_ ? own_rows(thread) : prepared(input_.buffers);
      of_unit == 2 ? gate_groups(rows, {begin, end}, thread) : groups(rows, {begin, end}, thread);
    };
    ctx_.parallel_for(n_groups_ / of_unit, n_together / of_unit, task, [&] { return cost(); });
  }

 private:
  std::int64_t n_cols() const { return jobs_[0].weight->n_cols(); }
  std::int64_t n_rows() const { return input_.x.n_rows; }
  const GemmTiling& tiling() const {
    return gemm_tiling(ctx_.kernels(), n_rows(), input_.fine_above);
  }
  bool normalises() const { return !input_.norm.weight.empty(); }

  // Rows [begin, end), whole tiles of activations.
  void prepare(std::int64_t begin, std::int64_t end, const ProjectBuffers& to) const {
    if (normalises()) {
      for (std::int64_t r = begin; r < end; ++r)
        norm_row(ctx_, input_.norm, input_.x.row(r), to.normed.row(r));
    }
    const Rows& x = normalises() ? to.normed : input_.x;
    if (rounds_) {
      const BF16RoundArgs args{.x = x.data,
                               .x_stride = x.stride,
                               .n_cols = n_cols(),
                               .row_begin = begin,
                               .row_end = end,
                               .packed = to.rounded};
      ctx_.kernels().bf16_round(&args);
    }
    if (quantizes_) {
      const ActQuantArgs args{.x = x.data,
                              .x_stride = x.stride,
                              .n_cols = n_cols(),
                              .row_begin = begin,
                              .row_end = end,
                              .n_rows = n_rows(),
                              .fine_above = input_.fine_above,
                              .packed = to.quantized,
                              .tiling = &tiling()};
      ctx_.kernels().act_quantize(&args);
    }
  }

  void prepare_all() const {
    if (!normalises() && !rounds_ && !quantizes_) return;
    const auto task = [&](std::int64_t begin, std::int64_t end, int) {
      prepare(begin, end, input_.buffers);
    };
    const auto cost = [&] {
      const std::int64_t n_planes = input_.fine_above == 0 ? 2 : 1;
      const std::int64_t of_value =
          4 + (normalises() ? 4 : 0) + (rounds_ ? 2 : 0) + (quantizes_ ? n_planes : 0);
      const char* name = quantizes_ ? "quantise" : "round";
      if (normalises()) name = quantizes_ ? "norm+quantise" : (rounds_ ? "norm+round" : "norm");
      return OpCost{.name = name, .bytes = n_rows() * n_cols() * of_value};
    };
    ctx_.parallel_for(n_rows(), ctx_.kernels().act_tile(&tiling(), n_rows()), task, cost);
  }

  MatmulInput prepared(const ProjectBuffers& from) const {
    const Rows& x = normalises() ? from.normed : input_.x;
    return {.x = x.data,
            .x_stride = x.stride,
            .n_rows = n_rows(),
            .n_cols = n_cols(),
            .packed = from.quantized,
            .fine_above = input_.fine_above,
            .rounded = rounds_ ? from.rounded : nullptr};
  }

  // The input in the thread's own scratch.
  MatmulInput own_rows(int thread) const {
    std::byte* scratch = ctx_.scratch(thread, scratch_bytes_);
    ProjectBuffers own{.normed = {.data = reinterpret_cast<float*>(scratch),
                                  .stride = n_cols(),
                                  .n_rows = n_rows()}};
    own.quantized = scratch + normed_bytes(n_cols());
    own.rounded = own.quantized + quantized_bytes_;
    if (ctx_.begins(thread)) prepare(0, n_rows(), own);
    return prepared(own);
  }

  void groups(const MatmulInput& rows, GroupRange range, int thread) const {
    std::int64_t first = 0;  // index of the job's first group among all jobs' groups
    for (const ProjectJob& job : jobs_) {
      const std::int64_t n = job.weight->n_groups();
      const GroupRange own{std::max(range.begin, first) - first,
                           std::min(range.end, first + n) - first};
      first += n;
      if (own.begin >= own.end) continue;
      multiply(rows, job, own, thread);
      if (epilogue_.residual.data != nullptr) add_to_residual(job, own);
      if (epilogue_.peaks.data != nullptr) peaks_of(job, own);
    }
  }

  void gate_groups(const MatmulInput& rows, GroupRange range, int thread) const {
    for (const ProjectJob& job : jobs_) multiply(rows, job, range, thread);
    const std::int64_t at = range.begin * kRowGroup;
    for (std::int64_t r = 0; r < n_rows(); ++r) {
      const GateArgs args{.activation = *epilogue_.activation,
                          .gate = jobs_[0].out.row(r) + at,
                          .up = jobs_[1].out.row(r) + at,
                          .n = width(jobs_[0], range),
                          .y = jobs_[0].out.row(r) + at};
      ctx_.kernels().gate(&args);
    }
  }

  // Values that the groups give in a row.
  static std::int64_t width(const ProjectJob& job, GroupRange range) {
    return std::min(range.end * kRowGroup, job.weight->n_rows()) - range.begin * kRowGroup;
  }

  void multiply(const MatmulInput& rows, const ProjectJob& job, GroupRange range,
                int thread) const {
    matmul(
        ctx_, rows,
        {.weight = job.weight, .out = job.out.data, .out_stride = job.out.stride, .groups = range},
        thread);
    if (job.bias.empty()) return;
    const std::int64_t at = range.begin * kRowGroup;
    for (std::int64_t r = 0; r < n_rows(); ++r) {
      ctx_.kernels().add(job.out.row(r) + at, job.bias.data() + at, width(job, range));
    }
  }

  void add_to_residual(const ProjectJob& job, GroupRange range) const {
    const std::int64_t at = range.begin * kRowGroup, n = width(job, range);
    for (std::int64_t r = 0; r < n_rows(); ++r) {
      float* y = job.out.row(r) + at;
      if (epilogue_.factor != 1.0f) ctx_.kernels().scale(y, epilogue_.factor, n);
      ctx_.kernels().add(epilogue_.residual.row(r) + at, y, n);
    }
  }

  void peaks_of(const ProjectJob& job, GroupRange range) const {
    const std::int64_t at = range.begin * kRowGroup;
    for (std::int64_t r = 0; r < n_rows(); ++r) {
      find_peaks({job.out.row(r) + at, static_cast<std::size_t>(width(job, range))},
                 {epilogue_.peaks.row(r) + range.begin,
                  static_cast<std::size_t>(range.end - range.begin)});
    }
  }

  // Of jobs with one input, which as a rule are of one kind: the first one's.
  OpCost cost() const {
    const WeightMatrix& first = *jobs_[0].weight;
    OpCost cost{.name = first.name, .unit = MacUnit::kF32};
    if (first.exact == nullptr) cost.unit = mac_unit(first.packed.kind);
    if (cost.unit != MacUnit::kF32 && input_.fine_above == 0) cost.n_planes = 2;
    if (first.is_bf16() && rounds_) cost.unit = MacUnit::kBf16;
    for (const ProjectJob& job : jobs_) {
      cost.bytes += job.weight->stored_bytes();
      cost.macs += n_rows() * n_cols() * job.weight->n_rows();
    }
    return cost;
  }

  OpContext& ctx_;
  const ProjectInput& input_;
  std::span<const ProjectJob> jobs_;
  const Epilogue& epilogue_;
  std::size_t scratch_bytes_, quantized_bytes_;
  bool quantizes_ = false;  // a job takes quantised rows
  bool rounds_ = false;     // a job takes rows rounded to BF16
  bool is_few_ = false;
  std::int64_t n_groups_ = 0;  // of all jobs
};

}  // namespace

void project(OpContext& ctx, const ProjectInput& input, std::span<const ProjectJob> jobs,
             const Epilogue& epilogue) {
  Project(ctx, input, jobs, epilogue).run();
}

std::size_t project_scratch_bytes(const KernelTable& kernels, std::int64_t n_cols) {
  return normed_bytes(n_cols) + quantized_bytes(kernels, n_cols) +
         kernels.bf16_bytes(kFewRows, n_cols);
}

}  // namespace slip
