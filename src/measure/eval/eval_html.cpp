#include "measure/eval/eval_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "measure/statistics.h"
#include "measure/svg.h"

namespace slip {
namespace {

constexpr double kWidth = 640, kHeight = 400;
constexpr double kLeft = 80, kRight = 30, kTop = 40, kBottom = 50;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr const char* kBlue = "#2f81c7";

struct Point {
  std::string name;
  double x = 0;
  double kl = 0;
  Interval kl_interval;
};

std::string name_of(const ModelEvaluation& model) {
  const std::filesystem::path path(model.model);
  return path.has_filename() ? path.filename().string() : model.model;
}

// From 0 to a round number above all values.
double end_of_axis(const std::vector<Point>& points) {
  double most = 0;
  for (const Point& point : points) most = std::max(most, point.x);
  if (!(most > 0)) return 1;
  const double power = std::pow(10, std::floor(std::log10(most)));
  for (const double factor : {1.0, 2.0, 4.0, 5.0}) {
    if (most <= factor * power) return factor * power;
  }
  return 10 * power;
}

// KL against a figure that is good when it is small or large.
class KlPlot {
 public:
  explicit KlPlot(const std::vector<Point>& points) : x_end_(end_of_axis(points)) {
    double low = 1e9, high = 0;
    for (const Point& point : points) {
      if (!(point.kl > 0)) continue;
      low = std::min(low, point.kl);
      high = std::max({high, point.kl, point.kl_interval.high});
    }
    if (!(high > 0)) return;
    low_ = static_cast<int>(std::floor(std::log10(low)));
    high_ = std::max(low_ + 1, static_cast<int>(std::ceil(std::log10(high))));
  }

  void grid(std::string_view x_title) {
    svg_.text(kLeft, 20, "start", "mean KL divergence from the base, nats a token");
    for (int power = low_; power <= high_; ++power) {
      const double at = y(std::pow(10.0, power));
      svg_.line(kLeft, at, kWidth - kRight, at);
      svg_.text(kLeft - 8, at + 4, "end", fmt::format("{:g}", std::pow(10.0, power)));
    }
    for (int i = 0; i <= 4; ++i) {
      const double value = x_end_ * i / 4;
      svg_.line(x(value), kTop, x(value), kHeight - kBottom);
      svg_.text(x(value), kHeight - kBottom + 18, "middle", fmt::format("{:g}", value));
    }
    svg_.text(kLeft + kPlotWidth / 2, kHeight - 10, "middle", x_title);
  }

  void point(const Point& p) {
    svg_.add(R"(<path d="M{0:.1f} {1:.1f}V{2:.1f}" stroke="{3}" stroke-width="1.5"/>)", x(p.x),
             y(p.kl_interval.low), y(p.kl_interval.high), kBlue);
    svg_.add(R"(<circle cx="{:.1f}" cy="{:.1f}" r="4" fill="{}"/>)", x(p.x), y(p.kl), kBlue);
    const bool is_right = x(p.x) > kLeft + kPlotWidth / 2;
    svg_.text(x(p.x) + (is_right ? -8 : 8), y(p.kl) - 6, is_right ? "end" : "start", p.name);
  }

  std::string take() { return svg_.take(); }

 private:
  double x(double value) const { return kLeft + kPlotWidth * value / x_end_; }
  // No divergence at all stands at the bottom.
  double y(double kl) const {
    const double at = (std::log10(std::max(kl, 1e-300)) - low_) / (high_ - low_);
    return kTop + kPlotHeight * (1 - std::clamp(at, 0.0, 1.0));
  }

  double x_end_;
  int low_ = -3, high_ = 0;  // powers of ten
  Svg svg_{kWidth, kHeight};
};

template <class Figure>
std::string plot(const std::vector<ModelEvaluation>& models, std::string_view x_title,
                 const Figure& figure) {
  std::vector<Point> points;
  for (const ModelEvaluation& model : models) {
    const Divergence& d = *model.text->divergence;
    const Interval none{.low = d.mean, .high = d.mean};
    points.push_back({.name = name_of(model),
                      .x = figure(model),
                      .kl = d.mean,
                      .kl_interval = d.mean_interval.value_or(none)});
  }
  KlPlot picture(points);
  picture.grid(x_title);
  for (const Point& point : points) picture.point(point);
  return picture.take();
}

std::string interval_text(const std::optional<Interval>& interval, double scale) {
  if (!interval) return "";
  return fmt::format("<br><small>{:.4g} … {:.4g}</small>", scale * interval->low,
                     scale * interval->high);
}

std::string row(const ModelEvaluation& m) {
  std::string text = fmt::format("<tr><th>{}<td>{:.1f}<td>{:.3f}", escaped_markup(name_of(m)),
                                 static_cast<double>(m.file_bytes) / 1e6, m.bits_per_weight);
  text += fmt::format("<td>{:.4f} ± {:.4f}", m.text->perplexity, m.text->perplexity_stderr);
  if (m.text->divergence) {
    const Divergence& d = *m.text->divergence;
    text += fmt::format("<td>{:.6f}{}<td>{:.5f}{}<td>{:.5f}<td>{:.3f} %{}", d.mean,
                        interval_text(d.mean_interval, 1), d.p99, interval_text(d.p99_interval, 1),
                        d.max, 100 * d.top1_agreement, interval_text(d.top1_interval, 100));
  }
  if (!m.tokens_per_s.empty()) text += fmt::format("<td>{:.2f}", median(m.tokens_per_s));
  return text + "\n";
}

constexpr std::string_view kHead =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
    "content=\"width=device-width\">\n<title>Quality of models</title>\n<style>\n:root { "
    "color-scheme: light dark; font-family: sans-serif; }\nbody { max-width: 70em; margin: 2em "
    "auto; padding: 0 1em; }\ntable { border-collapse: collapse; }\nth, td { padding: .3em .8em; "
    "border-bottom: 1px solid #8088; text-align: right; vertical-align: top; }\nth:first-child { "
    "text-align: left; }\nsvg { max-width: 100%; height: auto; }\n</style>\n<h1>Quality of "
    "models</h1>\n";

}  // namespace

std::string eval_html(const std::vector<ModelEvaluation>& models, std::string_view base) {
  const ModelEvaluation& first = models.front();
  const bool has_base = first.text->divergence.has_value();
  const bool has_speed = !first.tokens_per_s.empty();
  std::string html(kHead);
  html += fmt::format("<p>{} positions in {} windows", first.text->n_tokens, first.text->n_windows);
  if (has_base) {
    html += fmt::format("; the base is {}, of perplexity {:.4f}", escaped_markup(base),
                        first.text->divergence->base_perplexity);
  }
  html +=
      ". Intervals are at 95 %, with windows as blocks.\n<table>\n<tr><th>model<th>MB<th>bits "
      "a weight<th>perplexity";
  if (has_base) html += "<th>mean KL<th>KL 99 %<th>largest KL<th>same first choice";
  if (has_speed) html += "<th>tokens/s";
  html += "\n";
  for (const ModelEvaluation& model : models) html += row(model);
  html += "</table>\n";
  if (!has_base) return html;
  html += "<h2>Against size</h2>\n" + plot(models, "MB", [](const ModelEvaluation& m) {
            return static_cast<double>(m.file_bytes) / 1e6;
          });
  if (!has_speed) return html;
  return html + "<h2>Against speed</h2>\n" +
         plot(models, "tokens a second, decoding",
              [](const ModelEvaluation& m) { return median(m.tokens_per_s); });
}

}  // namespace slip
