#include "text/unicode.h"

#include <utf8proc.h>

#include <cstdlib>
#include <limits>
#include <memory>

namespace slip {
namespace {

std::uint8_t class_of_category(utf8proc_category_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return kLetter | kUpper;
    case UTF8PROC_CATEGORY_LL:
      return kLetter | kLower;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return kLetter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return kMark;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return kNumber;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return kPunct;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
      return kSymbol;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return kSpace;
    default:
      return 0;
  }
}

utf8proc_category_t category_of(std::uint32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

constexpr std::array<std::uint8_t, 128> make_ascii_classes() {
  std::array<std::uint8_t, 128> out{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool symbol = c == '$' || c == '+' || c == '<' || c == '=' || c == '>' || c == '^' ||
                        c == '`' || c == '|' || c == '~';
    if (c >= '0' && c <= '9') {
      out[c] = kNumber;
    } else if (c >= 'A' && c <= 'Z') {
      out[c] = kLetter | kUpper;
    } else if (c >= 'a' && c <= 'z') {
      out[c] = kLetter | kLower;
    } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
      out[c] = kSpace;
    } else if (symbol) {
      out[c] = kSymbol;
    } else if (c > ' ' && c < 127) {
      out[c] = kPunct;
    }
  }
  return out;
}

}  // namespace

constinit const std::array<std::uint8_t, 128> kAsciiClass = make_ascii_classes();

std::uint8_t non_ascii_class(std::uint32_t code) {
  if (code == 0x85) return kSpace;  // NEL: a control by category, white space by property
  return class_of_category(category_of(code));
}

bool is_han(std::uint32_t code) {
  struct Range {
    std::uint32_t first, last;
  };
  constexpr Range kRanges[] = {{0x2e80, 0x2e99},   {0x2e9b, 0x2ef3},   {0x2f00, 0x2fd5},
                               {0x3005, 0x3005},   {0x3007, 0x3007},   {0x3021, 0x3029},
                               {0x3038, 0x303b},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
                               {0xf900, 0xfa6d},   {0xfa70, 0xfad9},   {0x16fe2, 0x16fe3},
                               {0x16ff0, 0x16ff1}, {0x20000, 0x2a6df}, {0x2a700, 0x2ebe0},
                               {0x2f800, 0x2fa1d}, {0x30000, 0x323af}};
  for (const Range& range : kRanges) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

bool is_control_category(std::uint32_t code) {
  switch (category_of(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
      return true;
    default:
      return false;
  }
}

bool is_word_char(std::uint32_t code) {
  if ((char_class(code) & (kLetter | kMark)) != 0) return true;
  switch (category_of(code)) {
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      break;
  }
  const bool enclosed =
      (code >= 0x24b6 && code <= 0x24e9) || (code >= 0x1f130 && code <= 0x1f149) ||
      (code >= 0x1f150 && code <= 0x1f169) || (code >= 0x1f170 && code <= 0x1f189);
  return enclosed || code == 0x200c || code == 0x200d;
}

bool is_nonspacing_mark(std::uint32_t code) {
  return category_of(code) == UTF8PROC_CATEGORY_MN;
}

std::uint32_t to_lower(std::uint32_t code) {
  if (code < 128) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  return static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
}

Result<std::string> normalize_unicode(std::string_view text, NormalForm form) {
  if (text.size() > std::numeric_limits<std::int32_t>::max()) {
    return fail(ErrorKind::kLimit, "text to normalise: expected at most 2 GiB, got {} bytes",
                text.size());
  }
  unsigned options = UTF8PROC_STABLE;
  if (form == NormalForm::kNfkc || form == NormalForm::kNfkd) options |= UTF8PROC_COMPAT;
  const bool composed = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  options |= composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;

  utf8proc_uint8_t* mapped = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                 static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(mapped, &std::free);
  if (size < 0) {
    return fail(ErrorKind::kLimit, "text to normalise: {}", utf8proc_errmsg(size));
  }
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

}  // namespace slip
