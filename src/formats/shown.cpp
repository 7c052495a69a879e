#include "formats/shown.h"

#include <fmt/format.h>

namespace slip {

std::string shown(std::string_view text) {
  constexpr std::size_t kMaxShown = 80;
  std::string out = "'";
  for (std::size_t i = 0; i < text.size() && i < kMaxShown; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += text[i];
    }
  }
  out += '\'';
  if (text.size() > kMaxShown) out += fmt::format("… ({} bytes)", text.size());
  return out;
}

}  // namespace slip
