// The parts that JSON text is made of (RFC 8259), as expressions.
#pragma once

#include <string>
#include <string_view>

#include "text/grammar/grammar.h"

namespace slip::grammar {

// One character of the set as it stands between the quotes of a JSON string: as it is, or escaped
// where it has to be.
ExprId json_chars(Grammar& grammar, const CharSet& set);

// Valid UTF-8 as it stands in a JSON string, quotes included.
std::string json_quoted(std::string_view text);

}  // namespace slip::grammar
