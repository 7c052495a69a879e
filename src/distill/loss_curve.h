// A picture of a training: loss and divergence over the steps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slip {

struct CurvePoint {
  std::int64_t step = 0;
  double value = 0;
};

// SVG with a logarithmic scale of values, which are above 0. Colours that can be read on light and
// on dark. `training`: the loss of each step; `held_out`: the KL of each evaluation.
std::string loss_curve(std::span<const CurvePoint> training, std::span<const CurvePoint> held_out,
                       std::string_view title);

}  // namespace slip
