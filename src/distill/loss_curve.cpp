#include "distill/loss_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace slip {
namespace {

// Of the picture, in pixels.
constexpr double kWidth = 760, kHeight = 420;
constexpr double kLeft = 60, kRight = 20, kTop = 60, kBottom = 48;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr const char* kGrey = "#808890";
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

std::string text(double x, double y, const char* anchor, std::string_view content) {
  std::string escaped;
  for (const char c : content) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n",
                     x, y, anchor, kGrey, escaped);
}

std::string grid(const Scale& scale) {
  std::string svg;
  constexpr int kLines = 4;
  for (int i = 0; i <= kLines; ++i) {
    const double value = std::pow(10, scale.low + (scale.high - scale.low) * i / kLines);
    const double y = scale.y(value);
    svg += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
        "stroke-width=\"0.5\"/>\n",
        kLeft, y, kWidth - kRight, y, kGrey);
    svg += text(kLeft - 8, y + 4, "end", fmt::format("{:.3g}", value));
    const std::int64_t step = scale.last_step * i / kLines;
    svg += text(scale.x(step), kHeight - kBottom + 18, "middle", fmt::format("{}", step));
  }
  return svg + text(kLeft + kPlotWidth / 2, kHeight - 10, "middle", "step");
}

std::string curve(std::span<const CurvePoint> points, const Scale& scale, const char* colour) {
  if (points.empty()) return {};
  std::string path;
  for (const CurvePoint& point : points) {
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L',
                   scale.x(point.step), scale.y(point.value));
  }
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path,
                     colour);
}

std::string legend(std::span<const CurvePoint> points, const char* name, double x,
                   const char* colour) {
  const std::string last =
      points.empty() ? "none" : fmt::format("{:.4f} at last", points.back().value);
  return fmt::format("<rect x=\"{:.1f}\" y=\"32\" width=\"10\" height=\"10\" fill=\"{}\"/>\n", x,
                     colour) +
         text(x + 16, 41, "start", fmt::format("{}: {}", name, last));
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
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
             "height=\"{1}\" font-family=\"sans-serif\" font-size=\"12\">\n",
             kWidth, kHeight) +
         text(kLeft, 20, "start", title) + grid(scale) +
         legend(training, "loss of a step", kLeft, kTraining) +
         legend(held_out, "KL, held out", kLeft + 300, kHeldOut) +
         curve(training, scale, kTraining) + curve(held_out, scale, kHeldOut) + "</svg>\n";
}

}  // namespace slip
