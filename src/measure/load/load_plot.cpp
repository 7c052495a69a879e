#include "measure/load/load_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <vector>

#include "measure/load/load_report.h"
#include "measure/statistics.h"
#include "measure/svg.h"

namespace slip {
namespace {

// Of the picture, in pixels.
constexpr double kWidth = 760, kHeight = 420;
constexpr double kLeft = 60, kRight = 20, kTop = 78, kBottom = 48;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;

struct Curve {
  const char* name;
  const char* colour;
  std::vector<double> values;  // ascending
};

// Powers of ten around the values, but for the least hundredth: pieces of text that were read
// together have next to no gap.
struct Axis {
  int low = 0;
  int high = 1;

  double x(double ms) const {
    const double at = (std::log10(std::max(ms, 1e-9)) - low) / (high - low);
    return kLeft + kPlotWidth * std::clamp(at, 0.0, 1.0);
  }
};

double y_of(double share) {
  return kTop + kPlotHeight * (1 - share);
}

Axis axis_of(const std::array<Curve, 4>& curves) {
  double low = 1e9, high = 0;
  for (const Curve& curve : curves) {
    if (curve.values.empty()) continue;
    low = std::min(low, percentile(curve.values, 0.01));
    high = std::max(high, curve.values.back());
  }
  if (high <= 0) return {};
  const int first = static_cast<int>(std::floor(std::log10(std::max(low, 0.01))));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  return {.low = first, .high = std::max(last, first + 1)};
}

class Drawing {
 public:
  explicit Drawing(std::string_view title) { svg_.text(kLeft, 20, "start", title); }

  void grid(const Axis& axis) {
    for (int percent = 0; percent <= 100; percent += 25) {
      svg_.line(kLeft, y_of(percent / 100.0), kWidth - kRight, y_of(percent / 100.0));
      svg_.text(kLeft - 8, y_of(percent / 100.0) + 4, "end", fmt::format("{} %", percent));
    }
    for (int power = axis.low; power <= axis.high; ++power) {
      const double ms = std::pow(10.0, power);
      svg_.line(axis.x(ms), kTop, axis.x(ms), kHeight - kBottom);
      svg_.text(axis.x(ms), kHeight - kBottom + 18, "middle",
                ms < 1000 ? fmt::format("{:g} ms", ms) : fmt::format("{:g} s", ms / 1000));
    }
  }

  void legend(const Curve& curve, int index) {
    const int column = index % 2, row = index / 2;
    const double x = kLeft + 300 * column, y = 32 + 18 * row;
    svg_.add(R"(<rect x="{:.1f}" y="{:.1f}" width="10" height="10" fill="{}"/>)", x, y,
             curve.colour);
    svg_.text(x + 16, y + 9, "start",
              curve.values.empty()
                  ? fmt::format("{}: none", curve.name)
                  : fmt::format("{}: p50 {:.1f}, p95 {:.1f} ms", curve.name, median(curve.values),
                                percentile(curve.values, 0.95)));
  }

  // A staircase: each value lifts it by its share. Steps of less than a pixel become one.
  void curve(const Curve& curve, const Axis& axis) {
    const std::vector<double>& values = curve.values;
    if (values.empty()) return;
    double x = axis.x(values.front());
    std::string path = fmt::format("M{:.1f} {:.1f}", x, y_of(0));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i + 1 < values.size() && axis.x(values[i + 1]) < x + 1) continue;
      x = axis.x(values[i]);
      const double share = static_cast<double>(i + 1) / static_cast<double>(values.size());
      fmt::format_to(std::back_inserter(path), "H{:.1f}V{:.1f}", x, y_of(share));
    }
    svg_.add(R"(<path d="{}" fill="none" stroke="{}" stroke-width="2"/>)", path, curve.colour);
  }

  std::string take() { return svg_.take(); }

 private:
  Svg svg_{kWidth, kHeight};
};

}  // namespace

std::string load_plot(std::span<const LoadRecord> records, std::string_view title) {
  Latencies latencies = latencies_of(records);
  std::array<Curve, 4> curves{{{"first token", "#2f81c7", std::move(latencies.ttft_ms)},
                               {"gaps between tokens", "#3d9a57", std::move(latencies.itl_ms)},
                               {"worst gap", "#d9822b", std::move(latencies.worst_gap_ms)},
                               {"whole answer", "#a05fb4", std::move(latencies.e2e_ms)}}};
  for (Curve& curve : curves) std::sort(curve.values.begin(), curve.values.end());
  const Axis axis = axis_of(curves);
  Drawing drawing(title);
  drawing.grid(axis);
  int index = 0;
  for (const Curve& curve : curves) {
    drawing.legend(curve, index++);
    drawing.curve(curve, axis);
  }
  return drawing.take();
}

}  // namespace slip
