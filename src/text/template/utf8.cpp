#include "text/template/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <unordered_set>

namespace slip::tmpl::utf8 {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

// Letters whose upper case is more than one code point (SpecialCasing.txt), as far as they occur
// in running text; the rest maps one to one.
std::string_view special_upper(char32_t c) {
  switch (c) {
    case U'\u00df':
      return "SS";
    case U'\u0149':
      return "\u02bcN";
    case U'\u01f0':
      return "J\u030c";
    case U'\ufb00':
      return "FF";
    case U'\ufb01':
      return "FI";
    case U'\ufb02':
      return "FL";
    case U'\ufb03':
      return "FFI";
    case U'\ufb04':
      return "FFL";
    default:
      return {};
  }
}

std::string_view special_title(char32_t c) {
  switch (c) {
    case U'\u00df':
      return "Ss";
    case U'\ufb00':
      return "Ff";
    case U'\ufb01':
      return "Fi";
    case U'\ufb02':
      return "Fl";
    case U'\ufb03':
      return "Ffi";
    case U'\ufb04':
      return "Ffl";
    default:
      return {};
  }
}

void append_upper(std::string& out, char32_t c) {
  const std::string_view special = special_upper(c);
  if (!special.empty()) {
    out += special;
  } else {
    append(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& out, char32_t c) {
  const std::string_view special = special_title(c);
  if (!special.empty()) {
    out += special;
  } else {
    append(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
  }
}

bool is_cased(char32_t c) {
  return is_upper(c) || is_lower(c) || is_title(c);
}

bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == U'\'' || c == U'.' || c == U':' || c == U'\u00b7' || c == U'\u2018' ||
             c == U'\u2019' || c == U'\u2024' || c == U'\u2027';
  }
}

// Sigma is written differently at the end of a word (SpecialCasing.txt, Final_Sigma).
bool is_final_sigma(std::string_view s, std::size_t pos) {
  bool cased_before = false;
  for (std::size_t i = pos; i > 0;) {
    do --i;
    while (i > 0 && (static_cast<unsigned char>(s[i]) & 0xC0) == 0x80);
    const char32_t c = decode(s, i).value;
    if (is_case_ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  if (!cased_before) return false;
  for (std::size_t i = pos + decode(s, pos).size; i < s.size();) {
    const CodePoint c = decode(s, i);
    if (!is_case_ignorable(c.value)) return !is_cased(c.value);
    i += c.size;
  }
  return true;
}

void append_lower(std::string& out, std::string_view s, std::size_t pos, char32_t c) {
  if (c == U'\u03a3') {
    append(out, is_final_sigma(s, pos) ? U'\u03c2' : U'\u03c3');
  } else if (c == U'\u0130') {
    out += "i\u0307";
  } else {
    append(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

}  // namespace

CodePoint decode(std::string_view s, std::size_t pos) {
  const auto first = static_cast<unsigned char>(s[pos]);
  if (first < 0x80) return {first, 1};
  utf8proc_int32_t c = -1;
  const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(s.data()) + pos,
                                  static_cast<utf8proc_ssize_t>(s.size() - pos), &c);
  if (n <= 0) return {0xDC00u + first, 1};
  return {static_cast<char32_t>(c), static_cast<std::size_t>(n)};
}

void append(std::string& out, char32_t c) {
  if (c >= 0xDC80 && c <= 0xDCFF) {
    out += static_cast<char>(c - 0xDC00);
    return;
  }
  utf8proc_uint8_t bytes[4];
  const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

std::size_t length(std::string_view s) {
  std::size_t n = 0;
  for (std::size_t pos = 0; pos < s.size(); ++n) pos += decode(s, pos).size;
  return n;
}

std::size_t offset(std::string_view s, std::size_t index) {
  std::size_t pos = 0;
  for (; index > 0 && pos < s.size(); --index) pos += decode(s, pos).size;
  return pos;
}

std::vector<std::string_view> split(std::string_view s) {
  std::vector<std::string_view> parts;
  for (std::size_t pos = 0; pos < s.size();) {
    const std::size_t size = decode(s, pos).size;
    parts.push_back(s.substr(pos, size));
    pos += size;
  }
  return parts;
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
  switch (category(c)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return c == 0x85;
  }
}

bool is_alpha(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}

bool is_digit(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_upper(char32_t c) {
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) != 0;
}

bool is_lower(char32_t c) {
  return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) != 0;
}

bool is_title(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LT;
}

bool is_printable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

bool is_name_start(char32_t c) {
  return c == '_' || is_alpha(c) || category(c) == UTF8PROC_CATEGORY_NL;
}

bool is_name_part(char32_t c) {
  if (is_name_start(c)) return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

bool is_line_break(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::string upper(std::string_view s) {
  std::string out;
  for (std::size_t pos = 0; pos < s.size();) {
    const CodePoint c = decode(s, pos);
    append_upper(out, c.value);
    pos += c.size;
  }
  return out;
}

std::string lower(std::string_view s) {
  std::string out;
  for (std::size_t pos = 0; pos < s.size();) {
    const CodePoint c = decode(s, pos);
    append_lower(out, s, pos, c.value);
    pos += c.size;
  }
  return out;
}

std::string capitalize(std::string_view s) {
  std::string out;
  for (std::size_t pos = 0; pos < s.size();) {
    const CodePoint c = decode(s, pos);
    pos == 0 ? append_title(out, c.value) : append_lower(out, s, pos, c.value);
    pos += c.size;
  }
  return out;
}

std::string title(std::string_view s) {
  std::string out;
  bool in_word = false;
  for (std::size_t pos = 0; pos < s.size();) {
    const CodePoint c = decode(s, pos);
    in_word ? append_lower(out, s, pos, c.value) : append_title(out, c.value);
    in_word = is_cased(c.value);
    pos += c.size;
  }
  return out;
}

std::string swapcase(std::string_view s) {
  std::string out;
  for (std::size_t pos = 0; pos < s.size();) {
    const CodePoint c = decode(s, pos);
    is_upper(c.value) ? append_lower(out, s, pos, c.value) : append_upper(out, c.value);
    pos += c.size;
  }
  return out;
}

namespace {

template <class Drop>
std::string_view strip_if(std::string_view s, Side side, Drop drop) {
  if (side != Side::kRight) {
    while (!s.empty()) {
      const CodePoint c = decode(s, 0);
      if (!drop(c.value)) break;
      s.remove_prefix(c.size);
    }
  }
  if (side != Side::kLeft) {
    while (!s.empty()) {
      std::size_t pos = s.size() - 1;
      while (pos > 0 && s.size() - pos < 4 && (static_cast<unsigned char>(s[pos]) & 0xC0) == 0x80) {
        --pos;
      }
      // Continuation bytes that belong to nothing stand for themselves.
      if (pos + decode(s, pos).size != s.size()) pos = s.size() - 1;
      if (!drop(decode(s, pos).value)) break;
      s.remove_suffix(s.size() - pos);
    }
  }
  return s;
}

}  // namespace

std::string_view strip(std::string_view s, Side side) {
  return strip_if(s, side, is_space);
}

std::string_view strip(std::string_view s, std::string_view chars, Side side) {
  std::unordered_set<char32_t> set;
  for (std::size_t pos = 0; pos < chars.size();) {
    const CodePoint c = decode(chars, pos);
    set.insert(c.value);
    pos += c.size;
  }
  return strip_if(s, side, [&](char32_t c) { return set.count(c) != 0; });
}

}  // namespace slip::tmpl::utf8
