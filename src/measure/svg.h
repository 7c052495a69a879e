// Drawing SVG, in the colours that all of our plots share: they can be read on light and on dark.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace slip {

// Text as XML and HTML show it: markup escaped, control characters as spaces.
std::string escaped_markup(std::string_view text);

// A picture of width x height pixels. Coordinates are in pixels, from the top left.
class Svg {
 public:
  Svg(double width, double height);

  // An element as it is.
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    svg_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }
  // `anchor`: "start", "middle" or "end". `content` may hold anything.
  void text(double x, double y, const char* anchor, std::string_view content);
  // Thin, of a grid.
  void line(double x1, double y1, double x2, double y2);

  std::string take() { return std::move(svg_) + "</svg>\n"; }

 private:
  std::string svg_;
};

}  // namespace slip
