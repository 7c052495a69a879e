// Global functions.
#include <array>

#include "text/template/builtin.h"
#include "text/template/objects.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/runtime.h"

namespace slip::tmpl {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // as jinja2's sandbox has it

template <class T, class... Parts>
Value make_object(Parts&&... parts) {
  return Value(std::shared_ptr<Object>(std::make_shared<T>(std::forward<Parts>(parts)...)));
}

Result<Value> range(Runtime&, const Value&, const Bound& args) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (args[i] != nullptr && !args[i]->is_integral()) {
      return invalid("range: expected an integer, got {}", args[i]->type_name());
    }
  }
  const std::int64_t first = args[0]->integer();
  const std::int64_t start = args[1] == nullptr ? 0 : first;
  const std::int64_t stop = args[1] == nullptr ? first : args[1]->integer();
  const std::int64_t step = args[2] == nullptr ? 1 : args[2]->integer();
  if (step == 0) return invalid("range: the step must not be zero");
  const Range::Bounds bounds = {start, stop, step};
  std::int64_t distance = 0;
  const bool overflow = step > 0 ? __builtin_sub_overflow(stop, start, &distance)
                                 : __builtin_sub_overflow(start, stop, &distance);
  if (distance <= 0 && !overflow) return make_object<Range>(bounds, std::size_t{0});
  const std::uint64_t stride =
      step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  const std::uint64_t count = (static_cast<std::uint64_t>(distance) + stride - 1) / stride;
  if (overflow || count > static_cast<std::uint64_t>(kMaxRange)) {
    return fail(ErrorKind::kLimit, "range: expected at most {} items", kMaxRange);
  }
  return make_object<Range>(bounds, static_cast<std::size_t>(count));
}

// The dict that dict(…) and namespace(…) make of their arguments.
Result<Dict> make_dict(Runtime& runtime, const Args& args) {
  Dict dict;
  if (args.positional.size() > 1) return invalid("dict: expected at most 1 positional argument");
  if (!args.positional.empty()) {
    const Value& source = args.positional[0];
    if (source.is_dict()) {
      SLIP_TRY(runtime.reserve(source.dict().size(), 2 * sizeof(Value) + 64));
      dict = source.dict();
    } else {
      const auto pairs = SLIP_TRY(iterate(runtime, source));
      SLIP_TRY(runtime.reserve(pairs->items.size(), 2 * sizeof(Value) + 64));
      for (const Value& pair : pairs->items) {
        const auto parts = SLIP_TRY(iterate(runtime, pair));
        if (parts->items.size() != 2) return invalid("dict: expected pairs of key and value");
        SLIP_TRY(dict.insert(parts->items[0], parts->items[1]));
      }
    }
  }
  SLIP_TRY(runtime.reserve(args.named.size(), 2 * sizeof(Value) + 64));
  for (const auto& [name, value] : args.named) dict.set(name, value);
  return dict;
}

Result<Value> dict(Runtime& runtime, const Value&, const Bound& args) {
  return Value(std::shared_ptr<const Dict>(
      std::make_shared<Dict>(SLIP_TRY(make_dict(runtime, args.all())))));
}

Result<Value> make_namespace(Runtime& runtime, const Value&, const Bound& args) {
  SLIP_TRY(runtime.reserve(sizeof(Namespace)));
  Dict attributes = SLIP_TRY(make_dict(runtime, args.all()));
  for (const Dict::Entry& entry : attributes.entries()) {
    if (entry.key.is_string() && entry.key.string().substr(0, 1) == "_") {
      return invalid("namespace: attribute '{}' begins with an underscore", entry.key.string());
    }
  }
  auto object = std::make_shared<Namespace>(std::move(attributes));
  runtime.keep(object);
  return Value(std::shared_ptr<Object>(std::move(object)));
}

Result<Value> cycler(Runtime&, const Value&, const Bound& args) {
  if (args.all().positional.empty()) return invalid("cycler: expected at least one item");
  return make_object<Cycler>(args.all().positional);
}

Result<Value> joiner(Runtime&, const Value&, const Bound& args) {
  return make_object<Joiner>(args[0] == nullptr ? Value(", ") : *args[0]);
}

Result<Value> raise_exception(Runtime& runtime, const Value&, const Bound& args) {
  return invalid("{}", SLIP_TRY(to_text(runtime, *args[0])));
}

Result<Value> strftime_now(Runtime& runtime, const Value&, const Bound& args) {
  if (!args[0]->is_string()) return invalid("strftime_now: expected a format string");
  const std::string& format = args[0]->string();
  if (format.empty()) return Value("");
  if (format.size() > 256) return invalid("strftime_now: the format is too long");
  const std::tm now = runtime.now();
  std::array<char, 4096> text;
  const std::size_t size = std::strftime(text.data(), text.size(), format.c_str(), &now);
  return Value(std::string(text.data(), size));
}

constexpr Builtin kFunctions[] = {
    {"cycler", "*", 0, cycler},
    {"dict", "*", 0, dict},
    {"joiner", "sep", 0, joiner},
    {"namespace", "*", 0, make_namespace},
    {"raise_exception", "message", 1, raise_exception},
    {"range", "start stop step", 1, range},
    {"strftime_now", "format", 1, strftime_now},
};

}  // namespace

const Builtin* find_function(std::string_view name) {
  return find_in(kFunctions, name);
}

}  // namespace slip::tmpl
