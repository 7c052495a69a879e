// Unicode character classes and normal forms (data: utf8proc).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/utf8.h"

namespace slip {

// Bits of a character's class. Titlecase letters count as upper case; modifier and other letters
// are kLetter without a case, which is how the pre-tokenizer patterns group them.
enum CharClass : std::uint8_t {
  kLetter = 1,   // \p{L}
  kNumber = 2,   // \p{N}
  kSpace = 4,    // White_Space, what \s means in the reference tokenizers (U+0085 included)
  kMark = 8,     // \p{M}
  kPunct = 16,   // \p{P}
  kSymbol = 32,  // \p{S}
  kUpper = 64,   // \p{Lu}, \p{Lt}
  kLower = 128,  // \p{Ll}
};

extern const std::array<std::uint8_t, 128> kAsciiClass;

std::uint8_t non_ascii_class(std::uint32_t code);

inline std::uint8_t char_class(std::uint32_t code) {
  return code < 128 ? kAsciiClass[code] : non_ascii_class(code);
}

// \p{Han}, by the blocks of unified and compatibility ideographs.
bool is_han(std::uint32_t code);

// General category Cc, Cf, Co or Cs: controls, format, private use, surrogates.
bool is_control_category(std::uint32_t code);

// \w as Rust's regular expressions define it: letters, marks, decimal digits, letter numbers,
// connectors, joiners, enclosed letters (Unicode TR18, annex C).
bool is_word_char(std::uint32_t code);

// General category Mn.
bool is_nonspacing_mark(std::uint32_t code);

// The simple (one character) lower-case mapping.
std::uint32_t to_lower(std::uint32_t code);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// The normal form of valid UTF-8 text. kLimit when memory runs out or the text exceeds 2 GiB.
Result<std::string> normalize_unicode(std::string_view text, NormalForm form);

}  // namespace slip
