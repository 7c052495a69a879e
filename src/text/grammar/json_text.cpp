#include "text/grammar/json_text.h"

#include <fmt/format.h>

namespace slip::grammar {
namespace {

const CharRange kControls{0, 0x1f};

// How a control character, a quote or a backslash is written.
std::string escaped(char c) {
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  const auto i = kPlain.find(c);
  if (i != kPlain.npos) return {'\\', kLetters[i]};
  return fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
}

bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

}  // namespace

ExprId json_chars(Grammar& grammar, const CharSet& set) {
  const CharSet special = CharSet::of("\"\\").unite(CharSet({kControls}));
  std::vector<ExprId> parts;
  if (const CharSet plain = set.without(special); !plain.empty()) {
    parts.push_back(grammar.chars(plain));
  }
  const CharSet to_escape = set.intersect(special);
  for (const CharRange& range : to_escape.ranges()) {
    for (std::uint32_t code = range.first; code <= range.last; ++code) {
      parts.push_back(grammar.text(escaped(static_cast<char>(code))));
    }
  }
  return grammar.choice(std::move(parts));
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (needs_escape(c)) {
      out += escaped(c);
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace slip::grammar
