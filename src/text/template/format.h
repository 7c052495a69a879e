// Python's two ways of formatting: "…" % arguments and "…".format(arguments).
#pragma once

#include <string>
#include <string_view>

#include "text/template/object.h"
#include "text/template/value.h"

namespace slip::tmpl {

class Runtime;

// text % arguments: a tuple gives several, a dict gives them by name, anything else is the one.
Result<Value> format_percent(Runtime& runtime, const Value& text, const Value& arguments);

// text.format(arguments).
Result<Value> format_braces(Runtime& runtime, const Value& text, const Args& args);

// Python's format(value, spec): the mini-language of the standard library's "string" page.
Result<std::string> format_value(Runtime& runtime, const Value& value, std::string_view spec);

}  // namespace slip::tmpl
