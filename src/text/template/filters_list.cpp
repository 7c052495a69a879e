// Filters on lists and whatever else can be iterated over.
#include <algorithm>
#include <unordered_set>

#include "text/template/filters.h"
#include "text/template/objects.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

bool is_given(const Value* argument) {
  return argument != nullptr && !argument->is_none();
}

// What strings are compared by unless the case counts.
Value ignore_case(const Value& value) {
  return value.is_string() ? Value(utf8::lower(value.string())) : value;
}

Result<Value> sort_key(Runtime& runtime, const Value& item, const Value* path,
                       bool case_sensitive) {
  Value key = SLIP_TRY(follow_path(runtime, item, path == nullptr ? Value(nullptr) : *path));
  return case_sensitive ? key : ignore_case(key);
}

struct Keyed {
  Value key, item;
};

// Stable, also when reversed.
Result<void> sort_by_key(Runtime& runtime, std::vector<Keyed>& items, bool reverse) {
  Result<void> status;
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    auto is_less = reverse ? less(runtime, b.key, a.key) : less(runtime, a.key, b.key);
    if (is_less) return *is_less;
    status = tl::unexpected(std::move(is_less).error());
    return false;
  });
  return status;
}

Value items_of(std::vector<Keyed> sorted) {
  ValueList items;
  for (Keyed& entry : sorted) items.push_back(std::move(entry.item));
  return Value::list(std::move(items));
}

Result<Value> sort(Runtime& runtime, const Value& self, const Bound& args) {
  const bool case_sensitive = args.truth(1, false);
  // Several attributes may be given, with commas between them.
  std::vector<Value> paths;
  if (is_given(args[2]) && args[2]->is_string()) {
    const Value split = SLIP_TRY(
        call_builtin(runtime, *find_text_method("split"), *args[2], Args{{Value(",")}, {}}));
    paths = split.items();
  } else {
    paths.push_back(is_given(args[2]) ? *args[2] : Value(nullptr));
  }
  const auto source = SLIP_TRY(iterate(runtime, self));
  SLIP_TRY(runtime.reserve(source->items.size(), 4 * sizeof(Value)));
  std::vector<Keyed> items;
  for (const Value& item : source->items) {
    ValueList key;
    for (const Value& path : paths) {
      key.push_back(SLIP_TRY(sort_key(runtime, item, &path, case_sensitive)));
    }
    items.push_back({Value::list(std::move(key)), item});
  }
  SLIP_TRY(sort_by_key(runtime, items, args.truth(0, false)));
  return items_of(std::move(items));
}

Result<Value> dictsort(Runtime& runtime, const Value& self, const Bound& args) {
  if (self.is_undefined()) return undefined_error(self);
  if (!self.is_dict()) return invalid("dictsort: expected a mapping, got {}", self.type_name());
  std::string_view by = "key";
  if (args[1] != nullptr) by = args[1]->is_string() ? std::string_view(args[1]->string()) : "";
  if (by != "key" && by != "value") return invalid("dictsort: can sort by key or value only");
  SLIP_TRY(runtime.reserve(self.dict().size(), 4 * sizeof(Value)));
  std::vector<Keyed> items;
  for (const Dict::Entry& entry : self.dict().entries()) {
    const Value& key = by == "key" ? entry.key : entry.value;
    items.push_back(
        {args.truth(0, false) ? key : ignore_case(key), Value::tuple({entry.key, entry.value})});
  }
  SLIP_TRY(sort_by_key(runtime, items, args.truth(2, false)));
  return items_of(std::move(items));
}

Result<Value> groupby(Runtime& runtime, const Value& self, const Bound& args) {
  const bool case_sensitive = args.truth(2, false);
  const Value* fallback = is_given(args[1]) ? args[1] : nullptr;
  const auto source = SLIP_TRY(iterate(runtime, self));
  SLIP_TRY(runtime.reserve(source->items.size(), 6 * sizeof(Value)));
  std::vector<Keyed> items;
  for (const Value& item : source->items) {
    const Value key = SLIP_TRY(follow_path(runtime, item, *args[0], fallback));
    items.push_back({case_sensitive ? key : ignore_case(key), item});
  }
  SLIP_TRY(sort_by_key(runtime, items, /*reverse=*/false));
  ValueList groups;
  for (std::size_t i = 0; i < items.size();) {
    ValueList group;
    const Value key = items[i].key;
    const Value name = SLIP_TRY(follow_path(runtime, items[i].item, *args[0], fallback));
    for (; i < items.size(); ++i) {
      const bool same = SLIP_TRY(equals(runtime, items[i].key, key));
      if (!same) break;
      group.push_back(items[i].item);
    }
    groups.push_back(Value::tuple({name, Value::list(std::move(group))}));
  }
  return Value::list(std::move(groups));
}

Result<Value> unique(Runtime& runtime, const Value& self, const Bound& args) {
  const auto source = SLIP_TRY(iterate(runtime, self));
  std::unordered_set<std::string> seen;
  ValueList items;
  for (const Value& item : source->items) {
    const Value key = SLIP_TRY(sort_key(runtime, item, args[1], args.truth(0, false)));
    std::string hash = SLIP_TRY(hash_key(key));
    SLIP_TRY(runtime.reserve(hash.size() + 64 + sizeof(Value)));
    if (seen.insert(std::move(hash)).second) items.push_back(item);
  }
  return Iterator::make(std::move(items));
}

template <bool kMax>
Result<Value> extreme(Runtime& runtime, const Value& self, const Bound& args) {
  const auto source = SLIP_TRY(iterate(runtime, self));
  if (source->items.empty()) {
    return Value::undefined("no aggregated item, the sequence was empty");
  }
  const Value* best = nullptr;
  Value best_key;
  for (const Value& item : source->items) {
    Value key = SLIP_TRY(sort_key(runtime, item, args[1], args.truth(0, false)));
    if (best != nullptr) {
      const bool better =
          SLIP_TRY(kMax ? less(runtime, best_key, key) : less(runtime, key, best_key));
      if (!better) continue;
    }
    best = &item;
    best_key = std::move(key);
  }
  return *best;
}

Result<Value> sum(Runtime& runtime, const Value& self, const Bound& args) {
  Value total = args[1] == nullptr ? Value(0) : *args[1];
  if (total.is_string()) return invalid("sum: can't sum strings");
  const auto source = SLIP_TRY(iterate(runtime, self));
  for (const Value& item : source->items) {
    const Value term = is_given(args[0]) ? SLIP_TRY(follow_path(runtime, item, *args[0])) : item;
    total = SLIP_TRY(arithmetic(runtime, BinaryOp::kAdd, total, term));
  }
  return total;
}

Result<Value> join(Runtime& runtime, const Value& self, const Bound& args) {
  std::string separator;
  if (args[0] != nullptr) separator = SLIP_TRY(to_text(runtime, *args[0]));
  const auto source = SLIP_TRY(iterate(runtime, self));
  std::string out;
  for (std::size_t i = 0; i < source->items.size(); ++i) {
    Value item = source->items[i];
    if (is_given(args[1])) item = SLIP_TRY(follow_path(runtime, std::move(item), *args[1]));
    const std::string text = SLIP_TRY(to_text(runtime, item));
    SLIP_TRY(runtime.reserve(text.size() + separator.size()));
    if (i > 0) out += separator;
    out += text;
  }
  return Value(std::move(out));
}

Result<Value> list(Runtime& runtime, const Value& self, const Bound&) {
  if (self.is_list()) return self;
  const auto items = SLIP_TRY(iterate(runtime, self));
  return Value::list(items->items);
}

Result<Value> first(Runtime& runtime, const Value& self, const Bound&) {
  if (auto* iterator = self.object_as<Iterator>()) {
    if (auto item = iterator->next()) return std::move(*item);
    return Value::undefined("no first item, the sequence was empty");
  }
  const auto items = SLIP_TRY(iterate(runtime, self));
  if (items->items.empty()) return Value::undefined("no first item, the sequence was empty");
  return items->items.front();
}

Result<Value> last(Runtime& runtime, const Value& self, const Bound&) {
  if (self.object_as<Iterator>() != nullptr) {
    return invalid("'generator' object is not reversible");
  }
  const auto items = SLIP_TRY(iterate(runtime, self));
  if (items->items.empty()) return Value::undefined("no last item, the sequence was empty");
  return items->items.back();
}

Result<Value> reverse(Runtime& runtime, const Value& self, const Bound&) {
  const auto source = SLIP_TRY(iterate(runtime, self));
  SLIP_TRY(runtime.reserve(source->items.size(), sizeof(Value)));
  ValueList items(source->items.rbegin(), source->items.rend());
  if (!self.is_string()) return Iterator::make(std::move(items));
  std::string text;
  for (const Value& c : items) text += c.string();
  return Value::text_like(self, std::move(text));
}

Result<Value> items(Runtime& runtime, const Value& self, const Bound&) {
  if (self.is_undefined()) return Iterator::make({});
  if (!self.is_dict()) return invalid("items: expected a mapping, got {}", self.type_name());
  SLIP_TRY(runtime.reserve(self.dict().size(), 3 * sizeof(Value)));
  ValueList pairs;
  for (const Dict::Entry& entry : self.dict().entries()) {
    pairs.push_back(Value::tuple({entry.key, entry.value}));
  }
  return Iterator::make(std::move(pairs));
}

Result<Value> batch(Runtime& runtime, const Value& self, const Bound& args) {
  const std::int64_t size = SLIP_TRY(args.integer(0, 0));
  const auto source = SLIP_TRY(iterate(runtime, self));
  SLIP_TRY(runtime.reserve(source->items.size(), 2 * sizeof(Value)));
  ValueList batches, current;
  for (const Value& item : source->items) {
    if (static_cast<std::int64_t>(current.size()) == size) {
      batches.push_back(Value::list(std::exchange(current, {})));
    }
    current.push_back(item);
  }
  if (!current.empty()) {
    const auto n = static_cast<std::int64_t>(current.size());
    if (is_given(args[1]) && n < size) {
      SLIP_TRY(runtime.reserve(static_cast<std::size_t>(size - n), sizeof(Value)));
      current.resize(static_cast<std::size_t>(size), *args[1]);
    }
    batches.push_back(Value::list(std::move(current)));
  }
  return Iterator::make(std::move(batches));
}

Result<Value> slice(Runtime& runtime, const Value& self, const Bound& args) {
  const auto source = SLIP_TRY(iterate(runtime, self));
  const std::int64_t slices = SLIP_TRY(args.integer(0, 0));
  if (slices == 0) return invalid("slice: expected at least one slice");
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(slices, 0));
  SLIP_TRY(runtime.reserve(n, 2 * sizeof(Value) + sizeof(Sequence)));
  SLIP_TRY(runtime.reserve(source->items.size(), sizeof(Value)));
  ValueList result;
  auto next = source->items.begin();
  for (std::size_t i = 0; i < n; ++i) {
    const bool has_extra = i < source->items.size() % n;
    const auto end =
        next + static_cast<std::ptrdiff_t>(source->items.size() / n + (has_extra ? 1 : 0));
    ValueList part(next, end);
    if (is_given(args[1]) && !has_extra) part.push_back(*args[1]);
    result.push_back(Value::list(std::move(part)));
    next = end;
  }
  return Iterator::make(std::move(result));
}

Result<Value> map(Runtime& runtime, const Value& self, const Bound& args) {
  if (!truthy(self)) return Iterator::make({});
  Args rest = args.all();
  const Value* attribute = nullptr;
  const Value* fallback = nullptr;
  const Builtin* filter = nullptr;
  const bool by_attribute = rest.positional.empty() && !rest.named.empty();
  if (by_attribute) {
    for (const auto& [name, value] : rest.named) {
      if (name != "attribute" && name != "default")
        return invalid("map: unknown argument '{}'", name);
      (name == "attribute" ? attribute : fallback) = &value;
    }
    if (fallback != nullptr && fallback->is_none()) fallback = nullptr;
  }
  if (attribute == nullptr) {
    if (rest.positional.empty()) return invalid("map: expected the name of a filter");
    const Value name = rest.positional.front();
    if (name.is_string()) filter = find_filter(name.string());
    if (filter == nullptr)
      return invalid("map: unknown filter '{}'", SLIP_TRY(to_text(runtime, name)));
    rest.positional.erase(rest.positional.begin());
  }
  const auto source = SLIP_TRY(iterate(runtime, self));
  SLIP_TRY(runtime.reserve(source->items.size(), sizeof(Value)));
  ValueList items;
  for (const Value& item : source->items) {
    items.push_back(SLIP_TRY(filter == nullptr ? follow_path(runtime, item, *attribute, fallback)
                                               : call_builtin(runtime, *filter, item, rest)));
  }
  return Iterator::make(std::move(items));
}

// select, reject, selectattr, rejectattr.
template <bool kWanted, bool kByAttribute>
Result<Value> select(Runtime& runtime, const Value& self, const Bound& args) {
  if (!truthy(self)) return Iterator::make({});
  Args rest = args.all();
  const auto take_first = [&rest] {
    Value value = rest.positional.front();
    rest.positional.erase(rest.positional.begin());
    return value;
  };
  Value path(nullptr);
  if (kByAttribute) {
    if (rest.positional.empty()) return invalid("missing the name of an attribute");
    path = take_first();
  }
  const Builtin* test = nullptr;
  if (!rest.positional.empty()) {
    const Value name = take_first();
    if (name.is_string()) test = find_test(name.string());
    if (test == nullptr) return invalid("unknown test '{}'", SLIP_TRY(to_text(runtime, name)));
  }
  const auto source = SLIP_TRY(iterate(runtime, self));
  SLIP_TRY(runtime.reserve(source->items.size(), sizeof(Value)));
  ValueList items;
  for (const Value& item : source->items) {
    Value value = SLIP_TRY(follow_path(runtime, item, path));
    if (test != nullptr) value = SLIP_TRY(call_builtin(runtime, *test, value, rest));
    if (truthy(value) == kWanted) items.push_back(item);
  }
  return Iterator::make(std::move(items));
}

constexpr Builtin kListFilters[] = {
    {"batch", "linecount fill_with", 1, batch},
    {"dictsort", "case_sensitive by reverse", 0, dictsort},
    {"first", "", 0, first},
    {"groupby", "attribute default case_sensitive", 1, groupby},
    {"items", "", 0, items},
    {"join", "d attribute", 0, join},
    {"last", "", 0, last},
    {"list", "", 0, list},
    {"map", "*", 0, map},
    {"max", "case_sensitive attribute", 0, extreme<true>},
    {"min", "case_sensitive attribute", 0, extreme<false>},
    {"reject", "*", 0, select<false, false>},
    {"rejectattr", "*", 0, select<false, true>},
    {"reverse", "", 0, reverse},
    {"select", "*", 0, select<true, false>},
    {"selectattr", "*", 0, select<true, true>},
    {"slice", "slices fill_with", 1, slice},
    {"sort", "reverse case_sensitive attribute", 0, sort},
    {"sum", "attribute start", 0, sum},
    {"unique", "case_sensitive attribute", 0, unique},
};

}  // namespace

Result<Value> follow_path(Runtime& runtime, Value item, const Value& path, const Value* fallback) {
  if (path.is_none()) return item;
  ValueList steps = {path};
  if (path.is_string()) {
    const Value split =
        SLIP_TRY(call_builtin(runtime, *find_text_method("split"), path, Args{{Value(".")}, {}}));
    steps = split.items();
  }
  for (const Value& step : steps) {
    const std::string text = step.is_string() ? step.string() : "";
    const bool is_index = !text.empty() && text.size() < 10 &&
                          text.find_first_not_of("0123456789") == std::string::npos;
    item = SLIP_TRY(get_item(runtime, item, is_index ? Value(std::stoll(text)) : step));
    if (fallback != nullptr && item.is_undefined()) item = *fallback;
  }
  return item;
}

std::span<const Builtin> list_filters() {
  return kListFilters;
}

}  // namespace slip::tmpl
