#include "ops/gemm_tuner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/aligned_buffer.h"
#include "base/os/clock.h"
#include "base/os/cpu_times.h"
#include "quant/pack.h"

namespace slip {
namespace {

constexpr double kMargin = 0.03;
constexpr double kTie = 0.01;  // tilings that differ by less are alike: the first listed counts
// For each of the four classes, few or many rows of 16 or of 8 bits: time for more rounds than the
// least, and for those.
constexpr std::int64_t kClassNs = 50'000'000, kMostClassNs = 200'000'000;
constexpr int kMinRounds = 3, kMaxRounds = 12;

constexpr std::int64_t kCols = 1536;
constexpr std::int64_t kMaxRows = 512;
// Of each kind: several L2 caches.
constexpr std::int64_t kWeightBytes = std::int64_t{6} << 20;
// Scales per 32 columns as most formats of 4 bits have them, and per 16 with unpacking that is
// dearer.
constexpr std::array kKinds{PackedKind::kQ4_0, PackedKind::kQ6_K};

struct Case {
  int kind;  // index in kKinds
  float fine_above;
  std::int64_t n_rows;
  std::int64_t n_groups;  // a call's: between 20 µs and 1 ms
};

// Weights, activations and results that every timing uses.
class Rig {
 public:
  static Result<Rig> create(const KernelTable& kernels) {
    Rig rig(kernels);
    constexpr std::size_t kValues = kMaxRows * kCols;
    for (AlignedBuffer& weights : rig.weights_) {
      weights = SLIP_TRY(AlignedBuffer::allocate(kWeightBytes));
      fill(weights);
    }
    rig.x_ = SLIP_TRY(AlignedBuffer::allocate(kValues * sizeof(float)));
    rig.act_ = SLIP_TRY(AlignedBuffer::allocate(kernels.act_bytes(kMaxRows, kCols)));
    rig.out_ = SLIP_TRY(AlignedBuffer::allocate(kMaxRows * kMaxGroups * kRowGroup * sizeof(float)));
    for (std::size_t i = 0; i < kValues; ++i) {
      rig.x_.as<float>()[i] = static_cast<float>(i * 37 % 255) - 127.0F;
    }
    return rig;
  }

  // Of one product, activations being quantised before.
  double seconds(const Case& c, const GemmTiling& tiling) {
    const ActQuantArgs quantize{.x = x_.as<float>(),
                                .x_stride = kCols,
                                .n_cols = kCols,
                                .row_begin = 0,
                                .row_end = c.n_rows,
                                .n_rows = c.n_rows,
                                .fine_above = c.fine_above,
                                .packed = act_.data(),
                                .tiling = &tiling};
    kernels_->act_quantize(&quantize);
    const PackedKind kind = kKinds[static_cast<std::size_t>(c.kind)];
    const std::int64_t group_bytes = packed_group_bytes(kind, kCols);
    const std::int64_t all_groups = kWeightBytes / group_bytes;
    if (next_group_ + c.n_groups > all_groups) next_group_ = 0;
    const PackedMatrix w{
        .data = weights_[static_cast<std::size_t>(c.kind)].as<const std::uint8_t>() +
                next_group_ * group_bytes,
        .n_rows = (all_groups - next_group_) * kRowGroup,
        .n_cols = kCols,
        .group_bytes = group_bytes,
        .kind = kind};
    next_group_ += c.n_groups;
    const QGemmArgs multiply{.w = &w,
                             .group_begin = 0,
                             .group_end = c.n_groups,
                             .act = act_.data(),
                             .n_rows = c.n_rows,
                             .fine_above = c.fine_above,
                             .out = out_.as<float>(),
                             .out_stride = c.n_groups * kRowGroup,
                             .tiling = &tiling};
    const std::int64_t start = thread_cpu_ns();
    kernels_->qgemm(&multiply);
    return static_cast<double>(std::max<std::int64_t>(1, thread_cpu_ns() - start)) * 1e-9;
  }

  static constexpr std::int64_t kMaxGroups = 24;

 private:
  explicit Rig(const KernelTable& kernels) : kernels_(&kernels) {}

  // Bytes of which any two are a normal f16, so that they may be scales too.
  static void fill(AlignedBuffer& buffer) {
    std::array<std::uint8_t, 4096> pattern{};
    std::uint32_t state = 1;
    for (std::uint8_t& byte : pattern) {
      state = state * 1664525U + 1013904223U;
      byte = static_cast<std::uint8_t>(0x20U | (state >> 27));
    }
    for (std::size_t at = 0; at < buffer.size(); at += pattern.size()) {
      std::memcpy(buffer.data() + at, pattern.data(), std::min(pattern.size(), buffer.size() - at));
    }
  }

  const KernelTable* kernels_;
  std::array<AlignedBuffer, kKinds.size()> weights_;
  AlignedBuffer x_, act_, out_;
  std::int64_t next_group_ = 0;
};

// The mean of log(a / b).
double log_ratio(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::log(a[i] / b[i]);
  return sum / static_cast<double>(a.size());
}

// kLimit when the machine is too busy for the least number of rounds.
Result<TunedTiling> tune(Rig& rig, std::span<const GemmTiling> tilings,
                         std::span<const Case> cases) {
  const std::size_t n = tilings.size();
  // The first once more at the end.
  std::vector<std::vector<double>> best(
      n + 1, std::vector<double>(cases.size(), std::numeric_limits<double>::max()));
  const std::int64_t start = now_ns();
  int n_rounds = 0;  // whole ones
  for (bool in_time = true; in_time && n_rounds < kMaxRounds; n_rounds += in_time ? 1 : 0) {
    for (std::size_t c = 0; c < cases.size() && in_time; ++c) {
      for (std::size_t t = 0; t <= n; ++t) {
        best[t][c] = std::min(best[t][c], rig.seconds(cases[c], tilings[t % n]));
      }
      in_time = now_ns() - start < (n_rounds < kMinRounds ? kMostClassNs : kClassNs);
    }
  }
  if (n_rounds < kMinRounds) return fail(ErrorKind::kLimit, "tuning: the machine is too busy");
  const TilingChoice choice = choose_tiling(std::span(best).first(n), best.back());
  return TunedTiling{.tiling = tilings[static_cast<std::size_t>(choice.index)],
                     .gain = choice.gain};
}

// Of activations with this fine_above.
Result<TunedRows> tune_rows(Rig& rig, std::span<const GemmTiling> tilings, float fine_above) {
  std::vector<Case> few, many;
  for (int kind = 0; kind < static_cast<int>(kKinds.size()); ++kind) {
    const auto add = [&](std::vector<Case>& cases, std::int64_t n_rows, std::int64_t n_groups) {
      cases.push_back(
          {.kind = kind, .fine_above = fine_above, .n_rows = n_rows, .n_groups = n_groups});
    };
    for (const std::int64_t n_rows : {2, 4, 8, 16, 32}) add(few, n_rows, Rig::kMaxGroups);
    add(many, 64, Rig::kMaxGroups);
    add(many, kMaxRows, 6);
  }
  const TunedTiling few_rows = SLIP_TRY(tune(rig, tilings, few));
  const TunedTiling many_rows = SLIP_TRY(tune(rig, tilings, many));
  return TunedRows{.few_rows = few_rows, .many_rows = many_rows};
}

}  // namespace

TilingChoice choose_tiling(std::span<const std::vector<double>> seconds,
                           std::span<const double> again) {
  const double noise = std::abs(log_ratio(seconds[0], again));
  TilingChoice choice;
  for (std::size_t t = 1; t < seconds.size(); ++t) {
    const double ratio = std::min(log_ratio(seconds[0], seconds[t]), log_ratio(again, seconds[t]));
    const double gain = std::expm1(ratio);
    if (gain >= kMargin + 2 * noise && gain > choice.gain + kTie) {
      choice = {.index = static_cast<int>(t), .gain = gain};
    }
  }
  return choice;
}

Result<TunedGemm> tune_gemm(const KernelTable& kernels) {
  const std::span<const GemmTiling> tilings(kernels.tilings,
                                            static_cast<std::size_t>(kernels.n_tilings));
  const TunedTiling usual{.tiling = tilings.front()};
  const TunedRows usual_rows{.few_rows = usual, .many_rows = usual};
  if (tilings.size() == 1) return TunedGemm{.fine = usual_rows, .coarse = usual_rows};
  Rig rig = SLIP_TRY(Rig::create(kernels));
  const TunedRows fine = SLIP_TRY(tune_rows(rig, tilings, 0));
  constexpr float kNone = std::numeric_limits<float>::infinity();
  const TunedRows coarse = SLIP_TRY(tune_rows(rig, tilings, kNone));
  return TunedGemm{.fine = fine, .coarse = coarse};
}

KernelTable with_tilings(const KernelTable& kernels, const TunedGemm& tuned) {
  KernelTable table = kernels;
  const auto tilings_of = [](const TunedRows& rows) {
    return GemmTilings{.few_rows = rows.few_rows.tiling, .many_rows = rows.many_rows.tiling};
  };
  table.fine = tilings_of(tuned.fine);
  table.coarse = tilings_of(tuned.coarse);
  return table;
}

}  // namespace slip
