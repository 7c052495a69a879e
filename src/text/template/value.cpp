#include "text/template/value.h"

#include <algorithm>
#include <cmath>

#include "text/template/object.h"

namespace slip::tmpl {
namespace {

// Beyond this a double has no exact int64 counterpart.
constexpr double kInt64Limit = 9.2e18;
constexpr std::size_t kMaxTupleKey = 1 << 20;

int depth_of_items(const ValueList& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  return depth + 1;
}

// Every kind of key gets its own prefix, so that 1 and "1" stay apart.
std::string string_key(std::string_view s) {
  std::string key = "s";
  key += s;
  return key;
}

Result<void> append_hash_key(const Value& value, std::string& out) {
  if (value.is_string()) {
    // The length first: a tuple's parts must not run into each other.
    out += fmt::format("s{}:{}", value.string().size(), value.string());
    return {};
  }
  if (value.is_none() || value.is_undefined()) {
    out += value.is_none() ? 'n' : 'u';
    return {};
  }
  if (value.is_integral()) {
    out += fmt::format("i{}", value.integer());
    return {};
  }
  if (value.is_double()) {
    const double d = value.number();
    if (d == std::floor(d) && std::abs(d) < kInt64Limit) {
      out += fmt::format("i{}", static_cast<std::int64_t>(d));
    } else {
      out += fmt::format("f{}", d);
    }
    return {};
  }
  if (value.is_tuple()) {
    out += '(';
    for (const Value& item : value.items()) {
      SLIP_TRY(append_hash_key(item, out));
      out += ',';
      // Shared items can make a small tuple spell out hugely.
      if (out.size() > kMaxTupleKey) return fail(ErrorKind::kLimit, "dict key is too large");
    }
    out += ')';
    return {};
  }
  if (value.is_object()) {
    out += fmt::format("o{}", static_cast<const void*>(&value.object()));
    return {};
  }
  return invalid("unhashable type: '{}'", value.type_name());
}

}  // namespace

Value Value::undefined(std::string hint) {
  Value v;
  v.rep_ = Undefined{std::make_shared<const std::string>(std::move(hint))};
  return v;
}

Value Value::list(ValueList items) {
  const int depth = depth_of_items(items);
  Value v;
  v.rep_ = std::make_shared<const Sequence>(Sequence{std::move(items), false, depth});
  return v;
}

Value Value::tuple(ValueList items) {
  const int depth = depth_of_items(items);
  Value v;
  v.rep_ = std::make_shared<const Sequence>(Sequence{std::move(items), true, depth});
  return v;
}

Value Value::dict(std::vector<std::pair<std::string, Value>> entries) {
  auto dict = std::make_shared<Dict>();
  for (auto& entry : entries) dict->set(entry.first, std::move(entry.second));
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Value Value::markup(std::string s) {
  Value v;
  v.rep_ = Text{std::make_shared<const std::string>(std::move(s)), true};
  return v;
}

Value Value::text_like(const Value& like, std::string s) {
  return like.is_markup() ? markup(std::move(s)) : Value(std::move(s));
}

std::int64_t Value::integer() const {
  if (is_bool()) return std::get<bool>(rep_) ? 1 : 0;
  return std::get<std::int64_t>(rep_);
}

double Value::number() const {
  return is_double() ? std::get<double>(rep_) : static_cast<double>(integer());
}

std::string Value::undefined_hint() const {
  const auto* undefined = std::get_if<Undefined>(&rep_);
  if (undefined == nullptr || undefined->hint == nullptr) return "value is undefined";
  return *undefined->hint;
}

int Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is_dict()) return dict().depth();
  if (is_object()) return object().depth();
  return 0;
}

bool Value::same_as(const Value& other) const {
  if (rep_.index() != other.rep_.index()) return false;
  if (is_sequence()) return &sequence() == &other.sequence();
  if (is_dict()) return &dict() == &other.dict();
  if (is_object()) return &object() == &other.object();
  if (is_string()) return string() == other.string();
  if (is_none()) return true;
  if (is_integral()) return integer() == other.integer();
  return false;
}

std::string_view Value::type_name() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "NoneType";
  if (is_bool()) return "bool";
  if (is_int()) return "int";
  if (is_double()) return "float";
  if (is_string()) return is_markup() ? "Markup" : "str";
  if (is_sequence()) return is_tuple() ? "tuple" : "list";
  if (is_dict()) return "dict";
  return object().type_name();
}

Result<std::string> hash_key(const Value& value) {
  if (value.is_string()) return string_key(value.string());
  std::string key;
  SLIP_TRY(append_hash_key(value, key));
  return key;
}

const Value* Dict::find(std::string_view key) const {
  const auto it = index_.find(string_key(key));
  return it == index_.end() ? nullptr : &entries_[it->second].value;
}

Result<const Value*> Dict::lookup(const Value& key) const {
  const auto it = index_.find(SLIP_TRY(hash_key(key)));
  return it == index_.end() ? nullptr : &entries_[it->second].value;
}

Result<void> Dict::insert(const Value& key, Value value) {
  put(SLIP_TRY(hash_key(key)), key, std::move(value));
  return {};
}

void Dict::set(std::string_view key, Value value) {
  put(string_key(key), Value(key), std::move(value));
}

void Dict::put(std::string index_key, const Value& key, Value value) {
  depth_ = std::max({depth_, key.depth() + 1, value.depth() + 1});
  const auto [it, added] = index_.try_emplace(std::move(index_key), entries_.size());
  if (added) {
    entries_.push_back({key, std::move(value)});
  } else {
    entries_[it->second].value = std::move(value);
  }
}

}  // namespace slip::tmpl
