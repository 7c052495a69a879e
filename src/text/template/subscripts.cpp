// object.name, object[key], object[start:stop:step].
#include <algorithm>
#include <array>

#include "text/template/objects.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"
#include "text/template/utf8.h"

namespace slip::tmpl {
namespace {

// Methods that change their object exist, but are out of bounds.
constexpr std::array<std::string_view, 8> kListMutators = {"append", "clear",  "extend",  "insert",
                                                           "pop",    "remove", "reverse", "sort"};
constexpr std::array<std::string_view, 5> kDictMutators = {"clear", "pop", "popitem", "setdefault",
                                                           "update"};

bool is_mutator(const Value& object, std::string_view name) {
  const auto among = [&](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return (object.is_list() && among(kListMutators)) || (object.is_dict() && among(kDictMutators));
}

std::string describe_type(const Value& object) {
  if (object.is_none()) return "None";
  return fmt::format("'{} object'", object.type_name());
}

Value no_attribute(const Value& object, std::string_view name) {
  return Value::undefined(fmt::format("{} has no attribute '{}'", describe_type(object), name));
}

// Start and size of a slice over n items, as Python's slice.indices() resolves them.
struct SliceRange {
  std::int64_t start = 0, stop = 0, step = 1;
  std::size_t count = 0;
};

std::int64_t clamp_index(const Value& value, std::int64_t n, std::int64_t step) {
  std::int64_t index = value.integer();
  if (index < 0) index = index < -n ? -1 : index + n;
  const std::int64_t low = step < 0 ? -1 : 0;
  const std::int64_t high = step < 0 ? n - 1 : n;
  return std::clamp(index, low, high);
}

SliceRange resolve_slice(const SliceBounds& bounds, std::size_t size) {
  const auto n = static_cast<std::int64_t>(size);
  SliceRange range;
  if (!bounds.step.is_none()) range.step = std::clamp(bounds.step.integer(), -n - 1, n + 1);
  const bool backwards = range.step < 0;
  range.start = backwards ? n - 1 : 0;
  if (!bounds.start.is_none()) range.start = clamp_index(bounds.start, n, range.step);
  range.stop = backwards ? -1 : n;
  if (!bounds.stop.is_none()) range.stop = clamp_index(bounds.stop, n, range.step);
  const std::int64_t distance = backwards ? range.start - range.stop : range.stop - range.start;
  const std::int64_t stride = backwards ? -range.step : range.step;
  if (distance > 0) range.count = static_cast<std::size_t>((distance + stride - 1) / stride);
  return range;
}

bool is_slice_bound(const Value& value) {
  return value.is_none() || value.is_integral();
}

Result<Value> slice_text(Runtime& runtime, const Value& text, const SliceBounds& bounds) {
  SLIP_TRY(runtime.reserve(text.string().size(), 1 + sizeof(std::string_view)));
  const std::vector<std::string_view> characters = utf8::split(text.string());
  const SliceRange range = resolve_slice(bounds, characters.size());
  std::string out;
  for (std::size_t i = 0; i < range.count; ++i) {
    const std::int64_t at = range.start + static_cast<std::int64_t>(i) * range.step;
    out += characters[static_cast<std::size_t>(at)];
  }
  return Value::text_like(text, std::move(out));
}

Result<Value> slice_items(Runtime& runtime, const Value& object, const SliceBounds& bounds) {
  if (const auto* numbers = object.object_as<Range>()) {
    const SliceRange range = resolve_slice(bounds, *numbers->length());
    return numbers->slice({range.start, range.stop, range.step}, range.count);
  }
  const auto items = SLIP_TRY(iterate(runtime, object));
  const SliceRange range = resolve_slice(bounds, items->items.size());
  SLIP_TRY(runtime.reserve(range.count, sizeof(Value)));
  ValueList out;
  for (std::size_t i = 0; i < range.count; ++i) {
    const std::int64_t at = range.start + static_cast<std::int64_t>(i) * range.step;
    out.push_back(items->items[static_cast<std::size_t>(at)]);
  }
  return object.is_tuple() ? Value::tuple(std::move(out)) : Value::list(std::move(out));
}

// The item at an index that may count from the end; nullopt when there is none.
Result<std::optional<Value>> item_at(Runtime& runtime, const Value& object, std::int64_t index) {
  const auto n = static_cast<std::int64_t>(SLIP_TRY(length(runtime, object)));
  if (index < 0) index += n;
  if (index < 0 || index >= n) return std::nullopt;
  const auto at = static_cast<std::size_t>(index);
  if (object.is_sequence()) return object.items()[at];
  if (object.is_object()) return object.object().item(at);
  const std::size_t offset = utf8::offset(object.string(), at);
  const std::size_t size = utf8::decode(object.string(), offset).size;
  return Value::text_like(object, object.string().substr(offset, size));
}

bool is_indexable(const Value& object) {
  return object.is_sequence() || object.is_string() ||
         (object.is_object() && object.object().indexable());
}

}  // namespace

Result<std::optional<Value>> find_attribute(Runtime& runtime, const Value& object,
                                            std::string_view name) {
  if (object.is_undefined()) return undefined_error(object);
  if (is_mutator(object, name)) {
    return Value::undefined(
        fmt::format("access to attribute '{}' of '{}' object is unsafe", name, object.type_name()));
  }
  if (object.is_object()) return object.object().attribute(runtime, name);
  const Builtin* method = nullptr;
  if (object.is_string()) method = find_text_method(name);
  if (object.is_sequence()) method = find_list_method(name);
  if (object.is_dict()) method = find_dict_method(name);
  // A tuple has a list's methods but for copy.
  if (method == nullptr || (object.is_tuple() && name == "copy")) return std::nullopt;
  return bind_method(*method, object);
}

Result<Value> get_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  std::optional<Value> attribute = SLIP_TRY(find_attribute(runtime, object, name));
  if (attribute) return std::move(*attribute);
  if (object.is_dict()) {
    if (const Value* item = object.dict().find(name)) return *item;
  }
  return no_attribute(object, name);
}

Result<Value> get_item(Runtime& runtime, const Value& object, const Value& key) {
  if (object.is_undefined()) return undefined_error(object);
  if (object.is_dict()) {
    const auto item = object.dict().lookup(key);  // an unhashable key is merely not there
    if (item && *item != nullptr) return **item;
  } else if (is_indexable(object) && key.is_integral()) {
    std::optional<Value> item = SLIP_TRY(item_at(runtime, object, key.integer()));
    if (item) return std::move(*item);
  }
  if (key.is_string()) {
    std::optional<Value> attribute = SLIP_TRY(find_attribute(runtime, object, key.string()));
    if (attribute) return std::move(*attribute);
    return no_attribute(object, key.string());
  }
  return Value::undefined(
      fmt::format("{} has no element {}", describe_type(object), SLIP_TRY(to_repr(runtime, key))));
}

Result<Value> get_slice(Runtime& runtime, const Value& object, const SliceBounds& bounds) {
  if (object.is_undefined()) return undefined_error(object);
  const bool valid =
      is_slice_bound(bounds.start) && is_slice_bound(bounds.stop) && is_slice_bound(bounds.step);
  if (!is_indexable(object)) return invalid("{} can't be sliced", describe_type(object));
  if (!valid) return invalid("slice indices must be integers or none");
  if (bounds.step.is_integral() && bounds.step.integer() == 0) {
    return invalid("slice step cannot be zero");
  }
  return object.is_string() ? slice_text(runtime, object, bounds)
                            : slice_items(runtime, object, bounds);
}

}  // namespace slip::tmpl
