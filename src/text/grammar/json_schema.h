// JSON Schema as a grammar: docs/grammars.md says which keywords, and what of each.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/grammar/grammar.h"

namespace slip::grammar {

// Every text of the grammar is valid by the schema; not every valid text is in it (keys in the
// schema's order, few blanks). Errors name the keyword with its path: kInvalid, kUnsupported for
// what can't be enforced, kLimit for what is too large.
Result<Grammar> parse_json_schema(std::string_view schema);

// Any JSON object.
Grammar json_object_grammar();

}  // namespace slip::grammar
