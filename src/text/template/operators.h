// Python's operators on template values: truth, comparison, arithmetic, subscripts, iteration.
// Those that may walk a whole value pay the runtime for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/template/ast.h"
#include "text/template/value.h"

namespace slip::tmpl {

class Runtime;

bool truthy(const Value& value);

// a == b; never an error of types.
Result<bool> equals(Runtime& runtime, const Value& a, const Value& b);
// a < b; an error when the types have no order.
Result<bool> less(Runtime& runtime, const Value& a, const Value& b);
// needle in haystack.
Result<bool> contains(Runtime& runtime, const Value& haystack, const Value& needle);
Result<bool> compare(Runtime& runtime, CompareOp op, const Value& a, const Value& b);

Result<Value> arithmetic(Runtime& runtime, BinaryOp op, const Value& a, const Value& b);
Result<Value> negate(const Value& value);
Result<Value> plus(const Value& value);

// The items of a list, the keys of a dict, the characters of a string; nothing for undefined.
Result<std::shared_ptr<const Sequence>> iterate(Runtime& runtime, const Value& value);
bool is_iterable(const Value& value);
// Python's len().
Result<std::size_t> length(Runtime& runtime, const Value& value);

// object.name: a method or attribute first, then a dict's item. Undefined when there is neither;
// an error on undefined itself.
Result<Value> get_attribute(Runtime& runtime, const Value& object, std::string_view name);
// object[key]: an item first, then an attribute.
Result<Value> get_item(Runtime& runtime, const Value& object, const Value& key);
// The attribute or method alone; nullopt when there is none of that name.
Result<std::optional<Value>> find_attribute(Runtime& runtime, const Value& object,
                                            std::string_view name);

struct SliceBounds {
  Value start, stop, step;  // none when left out
};
Result<Value> get_slice(Runtime& runtime, const Value& object, const SliceBounds& bounds);

Result<Value> call(Runtime& runtime, const Value& callee, const Args& args);

// The error of using an undefined value.
tl::unexpected<Error> undefined_error(const Value& value);

// HTML-escaped text, as the filter escape makes it.
std::string escape_html(std::string_view text);

}  // namespace slip::tmpl
