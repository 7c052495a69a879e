#include "distill/loss_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "measure/svg.h"

namespace slip {
namespace {

// Of the picture, in pixels.
constexpr double kWidth = 760, kHeight = 420;
constexpr double kLeft = 60, kRight = 20, kTop = 60, kBottom = 48;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr double kLeast = 1e-6;

struct Scale {
  double low = 1e9, high = -1e9;  // log10 of values
  std::int64_t last_step = 1;

  void cover(std::span<const CurvePoint> points) {
    for (const CurvePoint& point : points) {
      const double log = std::log10(std::max(point.value, kLeast));
      low = std::min(low, log);
      high = std::max(high, log);
      last_step = std::max(last_step, point.step);
    }
  }
  double x(std::int64_t step) const {
    return kLeft + kPlotWidth * static_cast<double>(step) / static_cast<double>(last_step);
  }
  double y(double value) const {
    const double log = std::log10(std::max(value, kLeast));
    return kTop + kPlotHeight * (1 - (log - low) / (high - low));
  }
};

void add_grid(Svg& svg, const Scale& scale) {
  constexpr int kLines = 4;
  for (int i = 0; i <= kLines; ++i) {
    const double value = std::pow(10, scale.low + (scale.high - scale.low) * i / kLines);
    const double y = scale.y(value);
    svg.line(kLeft, y, kWidth - kRight, y);
    svg.text(kLeft - 8, y + 4, "end", fmt::format("{:.3g}", value));
    const std::int64_t step = scale.last_step * i / kLines;
    svg.text(scale.x(step), kHeight - kBottom + 18, "middle", fmt::format("{}", step));
  }
  svg.text(kLeft + kPlotWidth / 2, kHeight - 10, "middle", "step");
}

void add_curve(Svg& svg, std::span<const CurvePoint> points, const Scale& scale,
               const char* colour) {
  if (points.empty()) return;
  std::string path;
  for (const CurvePoint& point : points) {
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L',
                   scale.x(point.step), scale.y(point.value));
  }
  svg.add("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>", path, colour);
}

// `name`: with what the curve ends at behind it.
void add_legend(Svg& svg, double x, std::string_view name, const char* colour) {
  svg.add("<rect x=\"{:.1f}\" y=\"32\" width=\"10\" height=\"10\" fill=\"{}\"/>", x, colour);
  svg.text(x + 16, 41, "start", name);
}

std::string with_last(const char* name, std::span<const CurvePoint> points) {
  return points.empty() ? fmt::format("{}: none", name)
                        : fmt::format("{}: {:.4f} at last", name, points.back().value);
}

}  // namespace

std::string loss_curve(std::span<const CurvePoint> training, std::span<const CurvePoint> held_out,
                       std::string_view title) {
  Scale scale;
  scale.cover(training);
  scale.cover(held_out);
  if (scale.high < scale.low + 0.01) {
    scale.low = std::min(scale.low, 0.0) - 0.005;
    scale.high = scale.low + 0.01;
  }
  constexpr const char* kTraining = "#2f81c7";
  constexpr const char* kHeldOut = "#d9822b";
  Svg svg(kWidth, kHeight);
  svg.text(kLeft, 20, "start", title);
  add_grid(svg, scale);
  add_legend(svg, kLeft, with_last("loss of a step", training), kTraining);
  add_legend(svg, kLeft + 300, with_last("KL, held out", held_out), kHeldOut);
  add_curve(svg, training, scale, kTraining);
  add_curve(svg, held_out, scale, kHeldOut);
  return svg.take();
}

}  // namespace slip
