#include "cli/option_values.h"

namespace slip {

Result<> set_flag(bool& target, const std::string& text) {
  for (const char* yes : {"true", "1", "on", "yes"}) {
    if (text == yes) {
      target = true;
      return {};
    }
  }
  for (const char* no : {"false", "0", "off", "no"}) {
    if (text == no) {
      target = false;
      return {};
    }
  }
  return invalid("expected true or false, got '{}'", text);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace slip
