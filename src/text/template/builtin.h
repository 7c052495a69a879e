// Built-in filters, tests, methods and functions: one table entry each, one signature for all.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/template/object.h"
#include "text/template/value.h"

namespace slip::tmpl {

class Runtime;

// Arguments sorted into a built-in's parameters.
class Bound {
 public:
  Bound(const Args& args, std::vector<const Value*> slots)
      : args_(args), slots_(std::move(slots)) {}
  // The argument of parameter i, or nullptr when it wasn't given.
  const Value* operator[](std::size_t i) const { return slots_[i]; }
  // The arguments as they were given; the only way for a built-in with parameters "*".
  const Args& all() const { return args_; }

  // Optional parameters of a certain type; an error when given otherwise. None counts as absent
  // where the fallback is what Python's default None means.
  Result<std::int64_t> integer(std::size_t i, std::int64_t fallback) const;
  bool truth(std::size_t i, bool fallback) const;

 private:
  const Args& args_;
  std::vector<const Value*> slots_;
};

using BuiltinFunction = Result<Value> (*)(Runtime&, const Value& self, const Bound&);

struct Builtin {
  std::string_view name;
  std::string_view parameters;  // separated by spaces; "*": anything goes, unsorted
  std::size_t required = 0;     // that many of them must be given
  BuiltinFunction function = nullptr;
};

// nullptr when there is none of that name.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_function(std::string_view name);  // range, dict, namespace, …
const Builtin* find_text_method(std::string_view name);
const Builtin* find_list_method(std::string_view name);
const Builtin* find_dict_method(std::string_view name);

// Calls it; an error when the arguments don't fit the parameters.
Result<Value> call_builtin(Runtime& runtime, const Builtin& builtin, const Value& self,
                           const Args& args);

// The entry of that name in a table.
const Builtin* find_in(std::span<const Builtin> table, std::string_view name);

}  // namespace slip::tmpl
