#include "model/rope.h"

#include <algorithm>
#include <cmath>

namespace slip {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Llama 3.1: wavelengths beyond the original context / low_freq_factor are stretched by `factor`,
// short ones kept, those between blended.
double llama3_frequency(const RopeSpec& spec, double f) {
  const auto context = static_cast<double>(spec.original_context);
  const double wavelength = 2 * kPi / f;
  if (wavelength < context / spec.high_freq_factor) return f;
  if (wavelength > context / spec.low_freq_factor) return f / spec.factor;
  const double smooth = (context / wavelength - spec.low_freq_factor) /
                        (spec.high_freq_factor - spec.low_freq_factor);
  return (1 - smooth) * f / spec.factor + smooth * f;
}

// YaRN: the index of the pair that turns `rotations` times within the original context.
double yarn_dim(const RopeSpec& spec, double rotations) {
  return spec.n_rot * std::log(static_cast<double>(spec.original_context) / (rotations * 2 * kPi)) /
         (2 * std::log(spec.theta));
}

double yarn_frequency(const RopeSpec& spec, int i, double f) {
  double low = std::floor(yarn_dim(spec, spec.beta_fast));
  double high = std::ceil(yarn_dim(spec, spec.beta_slow));
  low = std::max(low, 0.0);
  high = std::min(high, spec.n_rot - 1.0);
  if (high <= low) high = low + 0.001;
  const double ramp = std::clamp((i - low) / (high - low), 0.0, 1.0);
  return f / spec.factor * ramp + f * (1 - ramp);
}

double default_magnitude(const RopeSpec& spec) {
  if (spec.scaling == RopeScaling::kYarn && spec.factor > 1) {
    return 0.1 * std::log(spec.factor) + 1.0;
  }
  if (spec.scaling == RopeScaling::kLongRope && spec.factor > 1 && spec.original_context > 1) {
    return std::sqrt(1 +
                     std::log(spec.factor) / std::log(static_cast<double>(spec.original_context)));
  }
  return 1.0;
}

}  // namespace

RopeAngles::RopeAngles(const RopeSpec& spec, std::int64_t n_ctx) {
  double theta = spec.theta;
  const auto original = static_cast<double>(spec.original_context);
  if (spec.scaling == RopeScaling::kDynamicNtk && original > 0 && spec.n_rot > 2 &&
      static_cast<double>(n_ctx) > original) {
    const double stretch = spec.factor * static_cast<double>(n_ctx) / original - (spec.factor - 1);
    theta *= std::pow(stretch, spec.n_rot / (spec.n_rot - 2.0));
  }
  const bool long_context = n_ctx > spec.original_context;
  const std::vector<float>& longrope = long_context ? spec.long_factors : spec.short_factors;
  for (int i = 0; i < spec.n_rot / 2; ++i) {
    double f = std::pow(theta, -2.0 * i / spec.n_rot);
    const auto at = static_cast<std::size_t>(i);
    switch (spec.scaling) {
      case RopeScaling::kNone:
      case RopeScaling::kDynamicNtk:
        break;
      case RopeScaling::kLinear:
        f /= spec.factor;
        break;
      case RopeScaling::kLlama3:
        f = llama3_frequency(spec, f);
        break;
      case RopeScaling::kYarn:
        f = yarn_frequency(spec, i, f);
        break;
      case RopeScaling::kLongRope:
        if (at < longrope.size()) f /= longrope[at];
        break;
    }
    if (at < spec.freq_factors.size()) f /= spec.freq_factors[at];
    frequencies_.push_back(f);
  }
  magnitude_ = spec.attention_factor > 0 ? spec.attention_factor : default_magnitude(spec);
}

void RopeAngles::at(std::int64_t position, float* cos, float* sin) const {
  for (std::size_t i = 0; i < frequencies_.size(); ++i) {
    const double angle = static_cast<double>(position) * frequencies_[i];
    cos[i] = static_cast<float>(std::cos(angle) * magnitude_);
    sin[i] = static_cast<float>(std::sin(angle) * magnitude_);
  }
}

}  // namespace slip
