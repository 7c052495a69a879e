// The filters, by what they work on; find_filter looks through all three tables.
#pragma once

#include <span>
#include <string_view>

#include "text/template/builtin.h"

namespace slip::tmpl {

std::span<const Builtin> value_filters();
std::span<const Builtin> text_filters();
std::span<const Builtin> list_filters();

// The value as a string: itself when it is one (markup stays markup), else what it prints as.
Result<Value> as_text(Runtime& runtime, const Value& value);

// `a.b.0` of an item, as the filters' argument `attribute` has it. `path` none: the item itself.
// A step that leads nowhere gives `fallback` when there is one.
Result<Value> follow_path(Runtime& runtime, Value item, const Value& path,
                          const Value* fallback = nullptr);

}  // namespace slip::tmpl
