// UTF-8: decoding, checking, repairing. Everything above works on valid UTF-8 only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slip {

// One decoded character. `size` is its length in bytes (1–4).
struct Utf8Char {
  std::uint32_t code;
  std::uint32_t size;
};

// Decodes the character at `p`. The text must be valid UTF-8 and p < end.
inline Utf8Char utf8_at(const char* p) {
  const auto b = [p](int i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i]));
  };
  const std::uint32_t lead = b(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | (b(1) & 0x3f), 2};
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | (b(1) & 0x3f) << 6 | (b(2) & 0x3f), 3};
  return {(lead & 0x07) << 18 | (b(1) & 0x3f) << 12 | (b(2) & 0x3f) << 6 | (b(3) & 0x3f), 4};
}

// True for the first byte of a character (anything but a continuation byte).
inline bool utf8_starts_char(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

// Appends the character. Codes that UTF-8 cannot hold (surrogates, > U+10FFFF) become U+FFFD.
void append_utf8(std::string& out, std::uint32_t code);

// Length of the longest valid prefix of `text`.
std::size_t utf8_valid_prefix(std::string_view text);

inline bool is_valid_utf8(std::string_view text) {
  return utf8_valid_prefix(text) == text.size();
}

// The longest beginning of valid `text` that has at most `n_bytes` and ends with a whole character.
std::string_view utf8_cut(std::string_view text, std::size_t n_bytes);

// What stands at the start of `text` (not empty): a whole character, the beginning of one that is
// cut off by the end of the text, or bytes that can't begin any character. `size` is the length of
// that whole, partial or ill-formed sequence: of the last kind, the "maximal subpart" which the
// Unicode Standard (3.9, "U+FFFD Substitution of Maximal Subparts") replaces by one U+FFFD.
struct Utf8Prefix {
  enum Kind { kWhole, kPartial, kIllFormed } kind;
  std::size_t size;
};
Utf8Prefix utf8_prefix(std::string_view text);

// The text with each maximal ill-formed subpart replaced by U+FFFD, as browsers and Python's
// errors="replace" do it.
std::string repair_utf8(std::string_view text);

}  // namespace slip
