// Run-time objects of a template: what is neither plain data nor a scalar.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/value.h"

namespace slip::tmpl {

class Runtime;

// The arguments of a call.
struct Args {
  ValueList positional;
  std::vector<std::pair<std::string, Value>> named;
};

// Something mutable that may take part in a reference cycle.
class Resettable {
 public:
  virtual ~Resettable() = default;
  // Drops references to other values, so that cycles end with the render.
  virtual void reset() {}
};

// Base of namespaces, macros, loops, ranges, generators, bound methods. The defaults describe an
// object that can't be called, iterated or subscripted. Belongs to one render, hence to one thread.
class Object : public Resettable, public std::enable_shared_from_this<Object> {
 public:
  virtual std::string_view type_name() const = 0;
  virtual std::string repr() const { return "<" + std::string(type_name()) + " object>"; }
  virtual bool truthy() const { return true; }
  virtual int depth() const { return 1; }
  // Python's len(); nullopt when the object has none.
  virtual std::optional<std::size_t> length() const { return std::nullopt; }
  virtual bool iterable() const { return false; }
  // All items that are left; an iterator is exhausted by it. Only when iterable().
  virtual Result<ValueList> iterate(Runtime& runtime);
  virtual bool indexable() const { return false; }
  // The item at 0 ≤ index < length(). Only when indexable().
  virtual Value item(std::size_t index) const;
  // nullopt when there is no such attribute.
  virtual Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name);
  virtual bool callable() const { return false; }
  virtual Result<Value> call(Runtime& runtime, const Args& args);
};

}  // namespace slip::tmpl
