// The values a template computes with: Python's scalar types, strings, lists, tuples and dicts, as
// far as a template can observe them, plus run-time objects (macros, namespaces, …).
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace slip::tmpl {

class Value;
class Dict;
class Object;
using ValueList = std::vector<Value>;

// A string: UTF-8 bytes, shared. `markup` is set by the filters safe and escape: such a string
// escapes what is added to it, as MarkupSafe's Markup does.
struct Text {
  std::shared_ptr<const std::string> bytes;
  bool markup = false;
};

// A list or a tuple. `depth` is 1 + the depth of the deepest item.
struct Sequence {
  ValueList items;
  bool is_tuple = false;
  int depth = 1;
};

// Why a value is undefined, for the message when it is used after all.
struct Undefined {
  std::shared_ptr<const std::string> hint;
};

// Immutable and cheap to copy: strings, lists and dicts are shared. A Value that holds plain data
// (no Object) may be read by many threads at once. Nesting is bounded by kMaxDepth wherever values
// are made from outside input, so recursive walks and destructors can't exhaust the stack.
class Value {
 public:
  static constexpr int kMaxDepth = 200;

  Value() = default;  // undefined
  explicit Value(std::nullptr_t) : rep_(nullptr) {}
  explicit Value(bool b) : rep_(b) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) explicit Value(T i) : rep_(static_cast<std::int64_t>(i)) {}
  explicit Value(double d) : rep_(d) {}
  explicit Value(const char* s) : Value(std::string(s)) {}
  explicit Value(std::string_view s) : Value(std::string(s)) {}
  explicit Value(std::string s)
      : rep_(Text{std::make_shared<const std::string>(std::move(s)), /*markup=*/false}) {}
  explicit Value(std::shared_ptr<const Dict> dict) : rep_(std::move(dict)) {}
  explicit Value(std::shared_ptr<Object> object) : rep_(std::move(object)) {}

  static Value undefined(std::string hint);
  static Value list(ValueList items);
  static Value tuple(ValueList items);
  static Value dict(std::vector<std::pair<std::string, Value>> entries);
  static Value markup(std::string s);
  // A string of the same kind (markup or plain) as `like`.
  static Value text_like(const Value& like, std::string s);

  bool is_undefined() const { return holds<Undefined>(); }
  bool is_none() const { return holds<std::nullptr_t>(); }
  bool is_bool() const { return holds<bool>(); }
  bool is_int() const { return holds<std::int64_t>(); }
  bool is_double() const { return holds<double>(); }
  bool is_integral() const { return is_int() || is_bool(); }  // as Python's isinstance(x, int)
  bool is_number() const { return is_integral() || is_double(); }
  bool is_string() const { return holds<Text>(); }
  bool is_markup() const { return is_string() && std::get<Text>(rep_).markup; }
  bool is_sequence() const { return holds<std::shared_ptr<const Sequence>>(); }
  bool is_list() const { return is_sequence() && !sequence().is_tuple; }
  bool is_tuple() const { return is_sequence() && sequence().is_tuple; }
  bool is_dict() const { return holds<std::shared_ptr<const Dict>>(); }
  bool is_object() const { return holds<std::shared_ptr<Object>>(); }

  // Access; the value must be of that type.
  std::int64_t integer() const;  // int or bool
  double number() const;         // int, bool or double
  const std::string& string() const { return *std::get<Text>(rep_).bytes; }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(rep_); }
  const std::shared_ptr<const Sequence>& sequence_ref() const {
    return std::get<std::shared_ptr<const Sequence>>(rep_);
  }
  const ValueList& items() const { return sequence().items; }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(rep_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(rep_); }
  const std::shared_ptr<Object>& object_ref() const {
    return std::get<std::shared_ptr<Object>>(rep_);
  }
  // The object as a T, or nullptr.
  template <class T>
  T* object_as() const {
    return is_object() ? dynamic_cast<T*>(&object()) : nullptr;
  }
  std::string undefined_hint() const;

  // 0 for scalars, 1 + the deepest item's for containers.
  int depth() const;
  // Same value and same identity, as Python's `is` tells.
  bool same_as(const Value& other) const;
  // "int", "str", "list", …: Python's names.
  std::string_view type_name() const;

 private:
  template <class T>
  bool holds() const {
    return std::holds_alternative<T>(rep_);
  }
  using Rep = std::variant<Undefined, std::nullptr_t, bool, std::int64_t, double, Text,
                           std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>,
                           std::shared_ptr<Object>>;
  Rep rep_;
};

// A dict in insertion order with a hash index. Keys are strings, numbers, bools, none or tuples of
// them; 1, 1.0 and true are one key. Not thread-safe while it is being changed.
class Dict {
 public:
  struct Entry {
    Value key;
    Value value;
  };

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  const Value* find(std::string_view key) const;
  // kInvalid when the key is of an unhashable type (list, dict).
  Result<const Value*> lookup(const Value& key) const;
  // Adds the entry, or replaces the value of an equal key in place.
  Result<void> insert(const Value& key, Value value);
  void set(std::string_view key, Value value);
  int depth() const { return depth_; }

 private:
  void put(std::string index_key, const Value& key, Value value);

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
  int depth_ = 1;
};

// A text that is equal for equal hashable values; kInvalid for unhashable ones.
Result<std::string> hash_key(const Value& value);

}  // namespace slip::tmpl
