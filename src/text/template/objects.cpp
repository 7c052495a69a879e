#include "text/template/objects.h"

#include <algorithm>

#include "text/template/runtime.h"

namespace slip::tmpl {
namespace {

Result<Value> cycler_next(Runtime&, const Value& self, const Bound&) {
  return self.object_as<Cycler>()->next();
}

Result<Value> cycler_reset(Runtime&, const Value& self, const Bound&) {
  self.object_as<Cycler>()->restart();
  return Value(nullptr);
}

constexpr Builtin kCyclerNext = {"next", "", 0, cycler_next};
constexpr Builtin kCyclerReset = {"reset", "", 0, cycler_reset};

}  // namespace

Value bind_method(const Builtin& builtin, Value self) {
  return Value(std::make_shared<BoundMethod>(builtin, std::move(self)));
}

Result<std::optional<Value>> Namespace::attribute(Runtime&, std::string_view name) {
  const Value* value = attributes_.find(name);
  return value == nullptr ? std::nullopt : std::optional<Value>(*value);
}

std::string Range::repr() const {
  if (bounds_.step == 1) return fmt::format("range({}, {})", bounds_.start, bounds_.stop);
  return fmt::format("range({}, {}, {})", bounds_.start, bounds_.stop, bounds_.step);
}

Value Range::slice(Bounds indices, std::size_t count) const {
  // The stop is only ever printed; it may lie beyond 64 bits and then wraps.
  const auto times = [](std::int64_t a, std::int64_t b) {
    return static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b);
  };
  const auto at = [&](std::int64_t index) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(bounds_.start) +
                                     times(index, bounds_.step));
  };
  const Bounds bounds = {at(indices.start), at(indices.stop),
                         static_cast<std::int64_t>(times(indices.step, bounds_.step))};
  return Value(std::shared_ptr<Object>(std::make_shared<Range>(bounds, count)));
}

Result<ValueList> Range::iterate(Runtime&) {
  ValueList items;
  items.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) items.push_back(item(i));
  return items;
}

Value Range::item(std::size_t index) const {
  return Value(bounds_.start + static_cast<std::int64_t>(index) * bounds_.step);
}

Iterator::Iterator(ValueList items) : items_(std::move(items)), depth_(1) {
  for (const Value& item : items_) depth_ = std::max(depth_, item.depth() + 1);
}

Result<ValueList> Iterator::iterate(Runtime&) {
  ValueList left(items_.begin() + static_cast<std::ptrdiff_t>(position_), items_.end());
  position_ = items_.size();
  return left;
}

std::optional<Value> Iterator::next() {
  if (position_ == items_.size()) return std::nullopt;
  return items_[position_++];
}

std::string_view DictView::type_name() const {
  switch (part_) {
    case Part::kKeys:
      return "dict_keys";
    case Part::kValues:
      return "dict_values";
    case Part::kItems:
      break;
  }
  return "dict_items";
}

Result<ValueList> DictView::iterate(Runtime& runtime) {
  const auto& entries = dict_.dict().entries();
  SLIP_TRY(runtime.reserve(entries.size(), 2 * sizeof(Value)));
  ValueList items;
  items.reserve(entries.size());
  for (const Dict::Entry& entry : entries) {
    switch (part_) {
      case Part::kKeys:
        items.push_back(entry.key);
        break;
      case Part::kValues:
        items.push_back(entry.value);
        break;
      case Part::kItems:
        items.push_back(Value::tuple({entry.key, entry.value}));
        break;
    }
  }
  return items;
}

int Cycler::depth() const {
  int depth = 0;
  for (const Value& item : items_) depth = std::max(depth, item.depth());
  return depth + 1;
}

Value Cycler::next() {
  Value value = items_[position_];
  position_ = (position_ + 1) % items_.size();
  return value;
}

Result<std::optional<Value>> Cycler::attribute(Runtime&, std::string_view name) {
  if (name == "current") return items_[position_];
  if (name == "next") return bind_method(kCyclerNext, Value(shared_from_this()));
  if (name == "reset") return bind_method(kCyclerReset, Value(shared_from_this()));
  return std::nullopt;
}

Result<Value> Joiner::call(Runtime&, const Args& args) {
  if (!args.positional.empty() || !args.named.empty()) return invalid("joiner: takes no arguments");
  if (used_) return separator_;
  used_ = true;
  return Value("");
}

}  // namespace slip::tmpl
