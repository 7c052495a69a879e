// A projection, however it is cut and fused, against its steps done one after another on whole
// rows.
#include "ops/project.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "quant/pack.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

constexpr std::int64_t kCols = 96;

std::vector<float> random_floats(std::int64_t n, std::uint64_t seed) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(random_bits(seed, i) % 2001) / 1000.0F - 1.0F;
  }
  return x;
}

// A weight matrix of n_rows rows and its bytes.
class Weight {
 public:
  Weight(DType type, std::int64_t n_rows, std::uint64_t seed) {
    const DTypeInfo& info = dtype_info(type);
    stored_.resize(static_cast<std::size_t>(n_rows * kCols / info.block_size * info.block_bytes));
    for (std::size_t i = 0; i < stored_.size(); ++i) {
      // Bytes below 0x3c make no infinity of any float type.
      stored_[i] = static_cast<std::byte>(random_bits(seed, i) % 0x3c);
    }
    view_ = TensorView{.name = "w", .dtype = type, .shape = {kCols, n_rows}, .bytes = stored_};
    const PackedKind kind = packed_kind(type).value();
    matrix.packed = {.data = nullptr,
                     .n_rows = n_rows,
                     .n_cols = kCols,
                     .group_bytes = packed_group_bytes(kind, kCols),
                     .kind = kind};
    const auto bytes = static_cast<std::size_t>(matrix.n_groups() * matrix.packed.group_bytes);
    packed_ = AlignedBuffer::allocate(bytes).value();
    auto* data = reinterpret_cast<std::uint8_t*>(packed_.data());
    pack_groups(view_, 0, matrix.n_groups(), data);
    matrix.packed.data = data;
  }
  void make_exact() { matrix.exact = &view_; }

  WeightMatrix matrix;

 private:
  std::vector<std::byte> stored_;
  TensorView view_;
  AlignedBuffer packed_;
};

struct Case {
  DType type = DType::kQ4_1;
  bool is_exact = false;
  float fine_above = 0;
  bool has_norm = true;
  float factor = 1;
  std::int64_t n_rows = 1;
  int n_threads = 2;
};

class Fixture {
 public:
  explicit Fixture(const Case& c)
      : c_(c),
        x_(random_floats(c.n_rows * kCols, 1)),
        norm_(random_floats(kCols, 2)),
        bias_(random_floats(kOut, 3)),
        stream_(random_floats(c.n_rows * kOut, 4)) {
    if (!c.is_exact) return;
    for (Weight* weight : {&a_, &b_}) weight->make_exact();
  }

  // Both products, then the stream (gate: the gate), one after another.
  std::vector<float> fused(bool is_gate) {
    ThreadPool pool(c_.n_threads);
    const std::size_t scratch =
        std::max(project_scratch_bytes(kernels_, kCols), matmul_scratch_bytes(kCols));
    OpContext ctx = OpContext::create(pool, kernels_, {.per_thread = scratch}).value();
    Buffers buffers(*this);
    std::vector<float> a(size()), b(size()), stream = stream_;
    const ProjectInput input{.x = rows(x_, kCols),
                             .norm = norm(),
                             .fine_above = c_.fine_above,
                             .buffers = buffers.view()};
    const ProjectJob jobs[] = {{.weight = &a_.matrix, .bias = bias_, .out = rows(a, kPadded)},
                               {.weight = &b_.matrix, .bias = {}, .out = rows(b, kPadded)}};
    const GateActivation silu = GateActivation::kSilu;
    if (is_gate) {
      project(ctx, input, jobs, {.activation = &silu});
      return without_padding(a);
    }
    project(ctx, input, jobs, {});
    project(ctx, input, {jobs, 1}, {.residual = rows(stream, kOut), .factor = c_.factor});
    auto all = without_padding(b);
    all.insert(all.end(), stream.begin(), stream.end());
    return all;
  }

  std::vector<float> plain(bool is_gate) {
    ThreadPool pool(1);
    OpContext ctx =
        OpContext::create(pool, kernels_, {.per_thread = matmul_scratch_bytes(kCols)}).value();
    Buffers buffers(*this);
    std::vector<float> x = x_, a(size()), b(size()), stream = stream_;
    for (std::int64_t r = 0; c_.has_norm && r < c_.n_rows; ++r) {
      norm_row(ctx, norm(), rows(x, kCols).row(r), rows(x, kCols).row(r));
    }
    const MatmulInput input = buffers.quantized(x);
    for (const auto& [weight, out] : {std::pair{&a_, &a}, std::pair{&b_, &b}}) {
      matmul(ctx, input,
             {.weight = &weight->matrix,
              .out = out->data(),
              .out_stride = kPadded,
              .groups = {0, weight->matrix.n_groups()}},
             0);
    }
    for (std::int64_t r = 0; r < c_.n_rows; ++r) {
      float* row = a.data() + r * kPadded;
      kernels_.add(row, bias_.data(), kOut);
      if (is_gate) {
        const GateArgs gate{.activation = GateActivation::kSilu,
                            .gate = row,
                            .up = b.data() + r * kPadded,
                            .n = kOut,
                            .y = row};
        kernels_.gate(&gate);
      } else {
        if (c_.factor != 1.0F) kernels_.scale(row, c_.factor, kOut);
        kernels_.add(stream.data() + r * kOut, row, kOut);
      }
    }
    if (is_gate) return without_padding(a);
    auto all = without_padding(b);
    all.insert(all.end(), stream.begin(), stream.end());
    return all;
  }

 private:
  static constexpr std::int64_t kOut = 150, kPadded = 160;

  class Buffers {
   public:
    explicit Buffers(Fixture& f)
        : f_(f),
          normed_(static_cast<std::size_t>(f.c_.n_rows * kCols)),
          quantized_(AlignedBuffer::allocate(f.kernels_.act_bytes(f.c_.n_rows, kCols)).value()),
          rounded_(AlignedBuffer::allocate(f.kernels_.bf16_bytes(f.c_.n_rows, kCols)).value()) {}
    ProjectBuffers view() {
      return {.normed = f_.rows(normed_, kCols),
              .quantized = quantized_.data(),
              .rounded = rounded_.data()};
    }
    MatmulInput quantized(std::vector<float>& x) {
      const std::int64_t n_rows = f_.c_.n_rows;
      const ActQuantArgs quant{.x = x.data(),
                               .x_stride = kCols,
                               .n_cols = kCols,
                               .row_begin = 0,
                               .row_end = n_rows,
                               .n_rows = n_rows,
                               .fine_above = f_.c_.fine_above,
                               .packed = quantized_.data(),
                               .tiling = &gemm_tiling(f_.kernels_, n_rows, f_.c_.fine_above)};
      f_.kernels_.act_quantize(&quant);
      const BF16RoundArgs round{.x = x.data(),
                                .x_stride = kCols,
                                .n_cols = kCols,
                                .row_begin = 0,
                                .row_end = n_rows,
                                .packed = rounded_.data()};
      f_.kernels_.bf16_round(&round);
      return {.x = x.data(),
              .x_stride = kCols,
              .n_rows = n_rows,
              .n_cols = kCols,
              .packed = quantized_.data(),
              .fine_above = f_.c_.fine_above,
              .rounded = f_.c_.fine_above != 0 ? rounded_.data() : nullptr};
    }

   private:
    Fixture& f_;
    std::vector<float> normed_;
    AlignedBuffer quantized_, rounded_;
  };

  std::size_t size() const { return static_cast<std::size_t>(c_.n_rows * kPadded); }
  Rows rows(std::vector<float>& x, std::int64_t stride) const {
    return {.data = x.data(), .stride = stride, .n_rows = c_.n_rows};
  }
  NormParams norm() const {
    if (!c_.has_norm) return {};
    return {.weight = norm_, .weight_offset = 1, .eps = 1e-6F};
  }
  std::vector<float> without_padding(const std::vector<float>& x) const {
    std::vector<float> out;
    for (std::int64_t r = 0; r < c_.n_rows; ++r) {
      out.insert(out.end(), x.begin() + r * kPadded, x.begin() + r * kPadded + kOut);
    }
    return out;
  }

  const Case c_;
  const KernelTable& kernels_ = *default_kernels().value();
  std::vector<float> x_, norm_, bias_, stream_;
  Weight a_{c_.type, kOut, 5}, b_{c_.type, kOut, 6};
};

class ProjectTest : public ::testing::TestWithParam<Case> {};

TEST_P(ProjectTest, GivesTheBitsOfItsSteps) {
  for (const std::int64_t n_rows : {1, 2, 4, 5, 13, 40}) {
    for (const int n_threads : {1, 2, 3}) {
      Case c = GetParam();
      c.n_rows = n_rows;
      c.n_threads = n_threads;
      Fixture fixture(c);
      for (const bool is_gate : {false, true}) {
        const auto want = fixture.plain(is_gate), got = fixture.fused(is_gate);
        ASSERT_EQ(got.size(), want.size());
        EXPECT_EQ(std::memcmp(got.data(), want.data(), want.size() * sizeof(float)), 0)
            << n_rows << " rows, " << n_threads << " threads, gate " << is_gate;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ProjectTest,
    ::testing::Values(Case{}, Case{.fine_above = 1.5F},
                      Case{.type = DType::kQ8_0,
                           .fine_above = std::numeric_limits<float>::infinity(),
                           .factor = 0.25F},
                      Case{.type = DType::kQ4_0, .has_norm = false}, Case{.type = DType::kBF16},
                      Case{.type = DType::kBF16, .fine_above = 4.0F},
                      Case{.type = DType::kF32, .has_norm = false},
                      Case{.type = DType::kQ4_1, .is_exact = true}));

TEST(Project, RefusesAGateOfOneProduct) {
  ThreadPool pool(1);
  OpContext ctx = OpContext::create(pool, *default_kernels().value(), {.per_thread = 64}).value();
  Weight weight(DType::kQ4_0, 16, 1);
  const GateActivation silu = GateActivation::kSilu;
  const ProjectJob jobs[] = {{.weight = &weight.matrix}};
  EXPECT_THROW(project(ctx, {}, jobs, {.activation = &silu}), BrokenInvariant);
}

}  // namespace
}  // namespace slip
