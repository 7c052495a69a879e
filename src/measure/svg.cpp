#include "measure/svg.h"

namespace slip {
namespace {

constexpr const char* kGrey = "#808890";

}  // namespace

std::string escaped_markup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

Svg::Svg(double width, double height) {
  add(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" )"
      R"(font-family="sans-serif" font-size="12">)",
      width, height);
}

void Svg::text(double x, double y, const char* anchor, std::string_view content) {
  add(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}">{}</text>)", x, y, anchor, kGrey,
      escaped_markup(content));
}

void Svg::line(double x1, double y1, double x2, double y2) {
  add(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="0.5"/>)",
      x1, y1, x2, y2, kGrey);
}

}  // namespace slip
