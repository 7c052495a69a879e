// GBNF, llama.cpp's notation for grammars (its grammars/README.md is the specification).
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/grammar/grammar.h"

namespace slip::grammar {

// Rules `name ::= alternatives`, the first of them by the name "root"; literals "…", classes […]
// and [^…] of characters with the escapes \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH, `.`,
// groups, `* + ? {n} {n,} {m,n}`, comments from # to the end of the line. Further than llama.cpp, a
// line may begin with `|`. Errors name line and column: kInvalid, kLimit for what is too large,
// kUnsupported for tokens (<name>, <[id]>).
Result<Grammar> parse_gbnf(std::string_view text);

}  // namespace slip::grammar
