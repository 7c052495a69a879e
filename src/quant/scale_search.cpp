#include "quant/scale_search.h"

#include <cfloat>

#include "quant/formats/iq4_nl.h"

namespace slip {
namespace {

// Sums are kept in independent lanes so that they vectorise; groups are a multiple of this.
constexpr int kLanes = 8;

float total(const float* lanes) {
  float sum = 0.0f;
  for (int i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

enum class Counting { kAlike, kBySize };

// A group of weights, at most 32. Values are brought into a range whose squares f32 can hold; no
// format's largest weight (f16 times a few small integers) reaches its end.
//
// How much an error counts may grow with the weight (1 + |x| / rms), so that large weights aren't
// clipped in favour of the many small ones. Blocks with one scale gain by that; super-blocks, whose
// groups adapt better, don't (KL divergence of gemma-3-270m as Q4_K_M: 0.0894 so, 0.0923 with all
// counted by size, 0.0890 with none; of SmolLM2: 0.0909, 0.0892, 0.0962).
struct Group {
  // `weights`: what the importance of errors is multiplied by, or null.
  Group(const float* values, const float* weights, int count, Counting counting) : n(count) {
    float squares = 0.0f;
    for (int i = 0; i < n; ++i) {
      x[i] = std::clamp(values[i], -1e12f, 1e12f);
      squares += x[i] * x[i];
    }
    const float typical = std::sqrt(squares / static_cast<float>(n));
    const bool by_size = counting == Counting::kBySize && typical > 0.0f;
    for (int i = 0; i < n; ++i) {
      importance[i] = by_size ? 1.0f + std::fabs(x[i]) / typical : 1.0f;
    }
    if (weights != nullptr) weigh(weights);
  }

  // Weights relative to their mean. A column that calibration never saw still counts for something,
  // so that no group is left without a scale.
  void weigh(const float* weights) {
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += static_cast<double>(weights[i]);
    if (sum <= 0) return;
    const double inverse_mean = n / sum;
    for (int i = 0; i < n; ++i) {
      const double relative = static_cast<double>(weights[i]) * inverse_mean;
      importance[i] *= static_cast<float>(std::max(relative, 1e-4));
    }
  }

  float x[32];
  float importance[32];
  int n;
};

// The part of a super-block's weights that group `g` has.
Group group_of(const float* x, const float* importance, int size, int g) {
  return {x + g * size, importance == nullptr ? nullptr : importance + g * size, size,
          Counting::kAlike};
}

// The levels that a scale multiplies: nearest() rounds a value to a level, index() gives the number
// under which that level is stored.
struct Integers {
  float low, high;
  explicit Integers(IntRange range)
      : low(static_cast<float>(range.min)), high(static_cast<float>(range.max)) {}
  float nearest(float value) const { return round_even(std::clamp(value, low, high)); }
  std::uint8_t index(float value) const { return static_cast<std::uint8_t>(nearest(value) - low); }
};

// The middles between a codebook's integers are multiples of 1/2, so the half-open interval of
// length 1/2 in which a value lies decides on its level: a table instead of a search.
class Codebook {
 public:
  explicit Codebook(const std::int8_t* codebook) {
    for (int cell = 0; cell < 512; ++cell) {
      const float value = (static_cast<float>(cell) + 0.5f) * 0.5f - 128.0f;
      int best = 0;
      for (int i = 1; i < 16; ++i) {
        const auto distance = [&](int k) { return std::fabs(value - codebook[k]); };
        if (distance(i) < distance(best)) best = i;
      }
      index_[cell] = static_cast<std::uint8_t>(best);
      level_[cell] = codebook[best];
    }
  }
  float nearest(float value) const { return level_[cell_of(value)]; }
  std::uint8_t index(float value) const { return index_[cell_of(value)]; }

 private:
  static int cell_of(float value) {
    return static_cast<int>((std::clamp(value, -128.0f, 127.5f) + 128.0f) * 2.0f);
  }
  float level_[512];
  std::uint8_t index_[512];
};

const Codebook& iq4_codebook() {
  static const Codebook codebook(kIq4NlCodebook);
  return codebook;
}

// The scale of x ≈ scale * level, best of the roundings in which the element of largest magnitude
// falls on one of `targets`. For levels l the best scale is (x·l)/(l·l), which lowers the error
// from x·x by (x·l)²/(l·l), products weighted by importance.
template <class Levels>
float fit_scale(const Group& group, const Levels& levels, const float* targets, int n_targets) {
  const float extreme = extreme_of(group.x, group.n);
  const float inverse_extreme = inverse_of(extreme);
  float best_scale = 0.0f, best_gain = 0.0f;
  for (int t = 0; t < n_targets; ++t) {
    const float inverse = targets[t] * inverse_extreme;
    float xl[kLanes] = {}, ll[kLanes] = {};
    for (int i = 0; i < group.n; i += kLanes) {
      for (int j = 0; j < kLanes; ++j) {
        const float level = levels.nearest(group.x[i + j] * inverse);
        const float weighted = group.importance[i + j] * level;
        xl[j] += group.x[i + j] * weighted;
        ll[j] += level * weighted;
      }
    }
    const float dot = total(xl), norm = total(ll);
    if (norm > 0.0f && dot * dot > best_gain * norm) {
      best_gain = dot * dot / norm;
      best_scale = dot / norm;
    }
  }
  return best_scale;
}

// Offsets in steps of q around the full range: below 0 the range is wider than needed, above 0 the
// extreme elements are clipped in favour of the others.
constexpr float kOffsets[] = {0.0f, -0.75f, -0.5f, -0.25f, 0.25f, 0.5f, 0.75f, 1.0f, 1.25f};
constexpr int kNumOffsets = sizeof kOffsets / sizeof kOffsets[0];

float fit_symmetric(const Group& group, IntRange range) {
  float targets[2 * kNumOffsets];
  for (int i = 0; i < kNumOffsets; ++i) {
    targets[2 * i] = static_cast<float>(range.min) - kOffsets[i];
    targets[2 * i + 1] = static_cast<float>(range.max) + kOffsets[i];
  }
  return fit_scale(group, Integers(range), targets, 2 * kNumOffsets);
}

float fit_iq4(const Group& group) {
  // The outermost levels of both ends, so that values that already lie on the codebook are found
  // again, and scales between and beyond them.
  constexpr float kTargets[] = {-127.0f, 113.0f, -104.0f, 89.0f, -144.0f, -136.0f, -120.0f,
                                -112.0f, -96.0f, 80.0f,   97.0f, 105.0f,  121.0f,  130.0f};
  return fit_scale(group, iq4_codebook(), kTargets, sizeof kTargets / sizeof kTargets[0]);
}

struct AffineFit {
  float scale;
  float min;  // subtracted
};

enum class MinSign { kNotNegative, kAny };

// What the levels of a group are laid over: from `low`, q_max steps.
struct AffineGrid {
  float low;
  int q_max;
  MinSign sign;
};

// Weighted linear regression of x on its rounding q: sums over the group, then the normal
// equations. Where a format's min, which is subtracted, can't be negative and the intercept comes
// out positive, the line goes through 0.
AffineFit regress(const Group& group, const AffineGrid& grid, float inverse, float* error) {
  const float low = grid.low;
  float sw[kLanes] = {}, sx[kLanes] = {}, sq[kLanes] = {}, sqq[kLanes] = {}, sxq[kLanes] = {},
        sxx[kLanes] = {};
  const Integers levels(IntRange{0, grid.q_max});
  for (int i = 0; i < group.n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      const float x = group.x[i + j] - low;
      const float q = levels.nearest(x * inverse);
      const float w = group.importance[i + j];
      sw[j] += w;
      sx[j] += w * x;
      sq[j] += w * q;
      sqq[j] += w * q * q;
      sxq[j] += w * x * q;
      sxx[j] += w * x * x;
    }
  }
  const double n = total(sw), x = total(sx), q = total(sq), qq = total(sqq), xq = total(sxq);
  const double determinant = n * qq - q * q;
  double scale = determinant > 0 ? (n * xq - x * q) / determinant : 0.0;
  double intercept = (x - scale * q) / n;  // of x - low
  if (grid.sign == MinSign::kNotNegative && intercept + low > 0.0) {
    intercept = -low;
    scale = qq > 0 ? (xq - intercept * q) / qq : 0.0;
  }
  *error = static_cast<float>(total(sxx) - 2 * scale * xq - 2 * intercept * x + scale * scale * qq +
                              2 * scale * intercept * q + n * intercept * intercept);
  return {static_cast<float>(std::max(scale, 0.0)), static_cast<float>(-(intercept + low))};
}

AffineFit fit_affine(const Group& group, int q_max, MinSign sign) {
  const auto [min, max] = std::minmax_element(group.x, group.x + group.n);
  const float low = sign == MinSign::kAny ? *min : std::min(*min, 0.0f);
  const AffineGrid grid{.low = low, .q_max = q_max, .sign = sign};
  const float inverse_range = inverse_of(*max - low);
  AffineFit best{0.0f, -low};
  if (*max <= low) return best;
  float best_error = FLT_MAX;
  for (const float offset : kOffsets) {
    const float inverse = (static_cast<float>(q_max) + offset) * inverse_range;
    float error = 0.0f;
    const AffineFit fit = regress(group, grid, inverse, &error);
    if (error < best_error) {
      best_error = error;
      best = fit;
    }
  }
  return best;
}

// The weighted squared error of storing the group with this scale and min.
template <class Levels>
float storage_error(const Group& group, const Levels& levels, float scale, float min) {
  const float inverse = inverse_of(scale);
  float sums[kLanes] = {};
  for (int i = 0; i < group.n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      const float shifted = group.x[i + j] + min;
      const float difference = shifted - scale * levels.nearest(shifted * inverse);
      sums[j] += group.importance[i + j] * difference * difference;
    }
  }
  return total(sums);
}

template <class Levels>
void store(const Group& group, const Levels& levels, AffineFit fit, std::uint8_t* q) {
  const float inverse = inverse_of(fit.scale);
  for (int i = 0; i < group.n; ++i) q[i] = levels.index((group.x[i] + fit.min) * inverse);
}

int nearest_int(float value, IntRange range) {
  return static_cast<int>(Integers(range).nearest(value));
}

// The factor of the block from the groups' scales: the scale of largest magnitude becomes the end
// of the integers' range (the negative one if there is one: it reaches further).
std::uint16_t common_factor(const float* values, int n, IntRange range) {
  const int end = range.min < 0 ? range.min : range.max;
  return half_bits::f32_to_f16(saturate_f16(extreme_of(values, n) / static_cast<float>(end)));
}

// A super-block's weights, and how much their errors count (null: all alike).
struct Weighted {
  const float* x;
  const float* importance;
};

// The second level for formats without mins.
template <class Levels>
SuperScales choose_scales(const Weighted& weights, const SuperLayout& layout, const Levels& levels,
                          const float* fits, std::uint8_t* q) {
  const int n_groups = 256 / layout.group;
  SuperScales result;
  result.d = common_factor(fits, n_groups, layout.scales);
  const float d = half_bits::f16_to_f32(result.d);
  const float inverse = inverse_of(d);
  for (int g = 0; g < n_groups; ++g) {
    const Group group = group_of(weights.x, weights.importance, layout.group, g);
    const int middle = nearest_int(fits[g] * inverse, layout.scales);
    int best = middle;
    float best_error = FLT_MAX;
    for (int s = std::max(middle - 1, layout.scales.min);
         s <= std::min(middle + 1, layout.scales.max); ++s) {
      const float error = storage_error(group, levels, d * static_cast<float>(s), 0.0f);
      if (error < best_error) {
        best_error = error;
        best = s;
      }
    }
    result.scale[g] = static_cast<std::uint8_t>(best - layout.scales.min);
    store(group, levels, {d * static_cast<float>(best), 0.0f}, q + g * layout.group);
  }
  return result;
}

}  // namespace

std::uint16_t fit_symmetric32(const float* x, const float* importance, int n, std::uint8_t* q) {
  const Group group(x, importance, 32, Counting::kBySize);
  const IntRange range{-n, n - 1};
  const std::uint16_t d = half_bits::f32_to_f16(saturate_f16(fit_symmetric(group, range)));
  store(group, Integers(range), {half_bits::f16_to_f32(d), 0.0f}, q);
  return d;
}

AffineScale fit_affine32(const float* x, const float* importance, int q_max, std::uint8_t* q) {
  const Group group(x, importance, 32, Counting::kBySize);
  const AffineFit fit = fit_affine(group, q_max, MinSign::kAny);
  const AffineScale result{half_bits::f32_to_f16(saturate_f16(fit.scale)),
                           half_bits::f32_to_f16(saturate_f16(-fit.min))};
  store(group, Integers(IntRange{0, q_max}),
        {half_bits::f16_to_f32(result.d), -half_bits::f16_to_f32(result.min)}, q);
  return result;
}

SuperScales fit_symmetric256(const float* x, const float* importance, const SuperLayout& layout,
                             std::uint8_t* q) {
  float fits[16];
  for (int g = 0; g < 256 / layout.group; ++g) {
    fits[g] = fit_symmetric(group_of(x, importance, layout.group, g), layout.quants);
  }
  return choose_scales({x, importance}, layout, Integers(layout.quants), fits, q);
}

SuperScales fit_iq4_256(const float* x, const float* importance, IntRange scales, std::uint8_t* q) {
  float fits[16];
  for (int g = 0; g < 8; ++g) fits[g] = fit_iq4(group_of(x, importance, 32, g));
  const SuperLayout layout{.group = 32, .quants = {0, 15}, .scales = scales};
  return choose_scales({x, importance}, layout, iq4_codebook(), fits, q);
}

std::uint16_t fit_iq4_32(const float* x, const float* importance, std::uint8_t* q) {
  const Group group(x, importance, 32, Counting::kBySize);
  const std::uint16_t d = half_bits::f32_to_f16(saturate_f16(fit_iq4(group)));
  store(group, iq4_codebook(), {half_bits::f16_to_f32(d), 0.0f}, q);
  return d;
}

SuperScales fit_affine256(const float* x, const float* importance, const SuperLayout& layout,
                          std::uint8_t* q) {
  const int n_groups = 256 / layout.group;
  const Integers levels(layout.quants);
  float scales[16], mins[16];
  for (int g = 0; g < n_groups; ++g) {
    const AffineFit fit = fit_affine(group_of(x, importance, layout.group, g), layout.quants.max,
                                     MinSign::kNotNegative);
    scales[g] = fit.scale;
    mins[g] = fit.min;
  }
  SuperScales result;
  result.d = common_factor(scales, n_groups, layout.scales);
  result.dmin = common_factor(mins, n_groups, layout.scales);
  const float d = half_bits::f16_to_f32(result.d), dmin = half_bits::f16_to_f32(result.dmin);
  for (int g = 0; g < n_groups; ++g) {
    const Group group = group_of(x, importance, layout.group, g);
    const int scale = nearest_int(scales[g] * inverse_of(d), layout.scales);
    const int min = nearest_int(mins[g] * inverse_of(dmin), layout.scales);
    AffineFit best{};
    float best_error = FLT_MAX;
    for (int i = 0; i < 9; ++i) {
      const int s = scale + i / 3 - 1, m = min + i % 3 - 1;
      if (std::min(s, m) < 0 || std::max(s, m) > layout.scales.max) continue;
      const AffineFit fit{d * static_cast<float>(s), dmin * static_cast<float>(m)};
      const float error = storage_error(group, levels, fit.scale, fit.min);
      if (error >= best_error) continue;
      best_error = error;
      best = fit;
      result.scale[g] = static_cast<std::uint8_t>(s);
      result.min[g] = static_cast<std::uint8_t>(m);
    }
    store(group, levels, best, q + g * layout.group);
  }
  return result;
}

}  // namespace slip
