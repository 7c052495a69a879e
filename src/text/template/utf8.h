// Strings as Python sees them: sequences of code points, here stored as UTF-8. Bytes that aren't
// valid UTF-8 count as one code point each, so any input is walked safely.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slip::tmpl::utf8 {

struct CodePoint {
  char32_t value = 0;
  std::size_t size = 1;  // bytes it takes
};

// The code point that starts at `pos` < s.size(); an invalid byte has value 0xDC00 + byte, as
// Python's "surrogateescape" maps it.
CodePoint decode(std::string_view s, std::size_t pos);
void append(std::string& out, char32_t c);

std::size_t length(std::string_view s);
// Byte offset of code point number `index`, s.size() when there are fewer.
std::size_t offset(std::string_view s, std::size_t index);
// One view per code point.
std::vector<std::string_view> split(std::string_view s);

bool is_space(char32_t c);  // str.isspace
bool is_alpha(char32_t c);  // str.isalpha
bool is_digit(char32_t c);  // str.isdecimal
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
bool is_printable(char32_t c);
bool is_name_start(char32_t c);
bool is_name_part(char32_t c);
// str.splitlines' line boundaries.
bool is_line_break(char32_t c);

std::string upper(std::string_view s);
std::string lower(std::string_view s);
std::string capitalize(std::string_view s);
std::string title(std::string_view s);
std::string swapcase(std::string_view s);

// Which ends a strip works on.
enum class Side { kLeft, kRight, kBoth };
// Without white space at the ends.
std::string_view strip(std::string_view s, Side side);
// Without the code points of `chars` at the ends.
std::string_view strip(std::string_view s, std::string_view chars, Side side);

}  // namespace slip::tmpl::utf8
