#include "text/byte_level.h"

#include <array>
#include <cstdint>

#include "text/utf8.h"

namespace slip {
namespace {

// Printable Latin-1 stands for itself; the other 68 bytes, in order, for U+0100, U+0101, …
constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

constexpr std::size_t kCodes = 0x100 + 68;

struct Tables {
  std::array<std::uint16_t, 256> char_of{};
  std::array<std::int16_t, kCodes> byte_of{};
};

constexpr Tables make_tables() {
  Tables t;
  for (auto& byte : t.byte_of) byte = -1;
  std::uint16_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    t.char_of[byte] = stands_for_itself(byte) ? static_cast<std::uint16_t>(byte) : next++;
    t.byte_of[t.char_of[byte]] = static_cast<std::int16_t>(byte);
  }
  return t;
}

constexpr Tables kTables = make_tables();

}  // namespace

bool append_byte_level_decoded(std::string& out, std::string_view spelled) {
  const std::size_t start = out.size();
  for (std::size_t i = 0; i < spelled.size();) {
    std::uint32_t code = static_cast<unsigned char>(spelled[i]);
    if (code < 0x80) {
      ++i;
    } else if (spelled.size() - i >= 2 && (code & 0xe0) == 0xc0) {
      code = utf8_at(spelled.data() + i).code;
      i += 2;
    } else {
      code = kCodes;
    }
    if (code >= kCodes || kTables.byte_of[code] < 0) {
      out.resize(start);
      return false;
    }
    out += static_cast<char>(kTables.byte_of[code]);
  }
  return true;
}

std::string byte_level_encoded(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) append_utf8(out, kTables.char_of[static_cast<unsigned char>(c)]);
  return out;
}

}  // namespace slip
