// The variable `loop`.
#include "text/template/interpreter.h"
#include "text/template/objects.h"

namespace slip::tmpl {
namespace {

Result<Value> loop_cycle(Runtime&, const Value& self, const Bound& args) {
  return self.object_as<Loop>()->cycle(args.all());
}

Result<Value> loop_changed(Runtime& runtime, const Value& self, const Bound& args) {
  return self.object_as<Loop>()->changed(runtime, args.all());
}

constexpr Builtin kLoopCycle = {"cycle", "*", 0, loop_cycle};
constexpr Builtin kLoopChanged = {"changed", "*", 0, loop_changed};

}  // namespace

// The next item that passes the filter.
Result<std::optional<Value>> Loop::pull() {
  while (position_ < items_->items.size()) {
    const Value& item = items_->items[position_++];
    if (!predicate_) return item;
    const bool passes = SLIP_TRY(predicate_(item));
    if (passes) return item;
  }
  return std::nullopt;
}

Result<bool> Loop::advance() {
  std::optional<Value> next = std::exchange(after_, std::nullopt);
  if (!next) next = SLIP_TRY(pull());
  if (!next) return false;
  ++index0_;
  before_ = std::exchange(current_, std::move(*next));
  return true;
}

Result<bool> Loop::has_next() {
  if (!after_) after_ = SLIP_TRY(pull());
  return after_.has_value();
}

Result<std::int64_t> Loop::count_items() {
  if (predicate_) {
    // The rest has to be filtered now; it is kept as a list without a filter.
    ValueList rest;
    while (std::optional<Value> item = SLIP_TRY(pull())) rest.push_back(std::move(*item));
    // Items that have been passed stay in front, so that the size stays the loop's length.
    ValueList all(static_cast<std::size_t>(index0_ + 1 + (after_ ? 1 : 0)));
    position_ = all.size();
    all.insert(all.end(), rest.begin(), rest.end());
    items_ = Value::list(std::move(all)).sequence_ref();
    predicate_ = nullptr;
  }
  return static_cast<std::int64_t>(items_->items.size());
}

Result<std::optional<Value>> Loop::attribute(Runtime& runtime, std::string_view name) {
  if (name == "index") return Value(index0_ + 1);
  if (name == "index0") return Value(index0_);
  if (name == "first") return Value(index0_ == 0);
  if (name == "last") return Value(!SLIP_TRY(has_next()));
  if (name == "length") return Value(SLIP_TRY(count_items()));
  if (name == "revindex") return Value(SLIP_TRY(count_items()) - index0_);
  if (name == "revindex0") return Value(SLIP_TRY(count_items()) - index0_ - 1);
  if (name == "depth") return Value(1);
  if (name == "depth0") return Value(0);
  if (name == "previtem") {
    return index0_ == 0 ? Value::undefined("there is no previous item") : before_;
  }
  if (name == "nextitem") {
    const bool there_is = SLIP_TRY(has_next());
    return there_is ? *after_ : Value::undefined("there is no next item");
  }
  if (name == "cycle") return bind_method(kLoopCycle, Value(shared_from_this()));
  if (name == "changed") {
    SLIP_TRY(runtime.reserve(sizeof(Loop)));
    return bind_method(kLoopChanged, Value(shared_from_this()));
  }
  return std::nullopt;
}

Result<Value> Loop::cycle(const Args& args) const {
  if (args.positional.empty()) return invalid("loop.cycle: no items for cycling given");
  return args.positional[static_cast<std::size_t>(index0_) % args.positional.size()];
}

Result<Value> Loop::changed(Runtime& runtime, const Args& args) {
  Value seen = Value::tuple(args.positional);
  if (last_seen_ && SLIP_TRY(equals(runtime, *last_seen_, seen))) return Value(false);
  // From here on the loop can refer to itself.
  if (!last_seen_) runtime.keep(std::static_pointer_cast<Loop>(shared_from_this()));
  last_seen_ = std::move(seen);
  return Value(true);
}

void Loop::reset() {
  last_seen_.reset();
  before_ = current_ = Value();
  after_.reset();
  items_ = Value::list({}).sequence_ref();
}

}  // namespace slip::tmpl
