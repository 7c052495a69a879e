// Run-time objects that need no interpreter; macros and loops are in interpreter.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/template/builtin.h"
#include "text/template/object.h"

namespace slip::tmpl {

// A built-in with its object: `text.upper`, or a global function (the object is undefined).
class BoundMethod final : public Object {
 public:
  BoundMethod(const Builtin& builtin, Value self) : builtin_(builtin), self_(std::move(self)) {}
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  int depth() const override { return self_.depth() + 1; }
  bool callable() const override { return true; }
  Result<Value> call(Runtime& runtime, const Args& args) override {
    return call_builtin(runtime, builtin_, self_, args);
  }

 private:
  const Builtin& builtin_;
  Value self_;
};

// namespace(…): the one mutable thing, for values that must outlive a loop's scope.
class Namespace final : public Object {
 public:
  explicit Namespace(Dict attributes) : attributes_(std::move(attributes)) {}
  std::string_view type_name() const override { return "Namespace"; }
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  void set(std::string_view name, Value value) { attributes_.set(name, std::move(value)); }
  void reset() override { attributes_ = Dict(); }

 private:
  Dict attributes_;
};

// range(…): a sequence that isn't spelled out.
class Range final : public Object {
 public:
  struct Bounds {
    std::int64_t start, stop, step;
  };
  Range(Bounds bounds, std::size_t count) : bounds_(bounds), count_(count) {}
  std::string_view type_name() const override { return "range"; }
  std::string repr() const override;
  bool truthy() const override { return count_ > 0; }
  std::optional<std::size_t> length() const override { return count_; }
  bool iterable() const override { return true; }
  Result<ValueList> iterate(Runtime& runtime) override;
  bool indexable() const override { return true; }
  Value item(std::size_t index) const override;
  // The `count` items at the indices that `indices` goes through.
  Value slice(Bounds indices, std::size_t count) const;

 private:
  Bounds bounds_;
  std::size_t count_;
};

// What map, select, items … return: items to be iterated over once.
class Iterator final : public Object {
 public:
  explicit Iterator(ValueList items);
  std::string_view type_name() const override { return "generator"; }
  int depth() const override { return depth_; }
  bool iterable() const override { return true; }
  Result<ValueList> iterate(Runtime& runtime) override;
  // The next item, if any is left.
  std::optional<Value> next();

  static Value make(ValueList items) { return Value(std::make_shared<Iterator>(std::move(items))); }

 private:
  ValueList items_;
  std::size_t position_ = 0;
  int depth_;
};

// dict.keys(), dict.values(), dict.items().
class DictView final : public Object {
 public:
  enum class Part { kKeys, kValues, kItems };
  DictView(Value dict, Part part) : dict_(std::move(dict)), part_(part) {}
  std::string_view type_name() const override;
  int depth() const override { return dict_.depth() + 1; }
  bool truthy() const override { return dict_.dict().size() > 0; }
  std::optional<std::size_t> length() const override { return dict_.dict().size(); }
  bool iterable() const override { return true; }
  Result<ValueList> iterate(Runtime& runtime) override;

 private:
  Value dict_;
  Part part_;
};

// cycler(…): its values in turn, for ever.
class Cycler final : public Object {
 public:
  explicit Cycler(ValueList items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }
  int depth() const override;
  Result<std::optional<Value>> attribute(Runtime& runtime, std::string_view name) override;
  Value next();
  void restart() { position_ = 0; }

 private:
  ValueList items_;
  std::size_t position_ = 0;
};

// joiner(sep): nothing on the first call, the separator on every later one.
class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "Joiner"; }
  int depth() const override { return separator_.depth() + 1; }
  bool callable() const override { return true; }
  Result<Value> call(Runtime& runtime, const Args& args) override;

 private:
  Value separator_;
  bool used_ = false;
};

// A bound method as a value.
Value bind_method(const Builtin& builtin, Value self);

}  // namespace slip::tmpl
