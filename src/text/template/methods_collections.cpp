// Methods of lists, tuples and dicts; those that would change them don't exist.
#include <algorithm>

#include "text/template/builtin.h"
#include "text/template/objects.h"
#include "text/template/operators.h"
#include "text/template/runtime.h"

namespace slip::tmpl {
namespace {

Result<Value> list_index(Runtime& runtime, const Value& self, const Bound& args) {
  const auto n = static_cast<std::int64_t>(self.items().size());
  const auto resolve = [n](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + n : i, 0, n);
  };
  const std::int64_t start = resolve(SLIP_TRY(args.integer(1, 0)));
  const std::int64_t stop = resolve(SLIP_TRY(args.integer(2, n)));
  for (std::int64_t i = start; i < stop; ++i) {
    if (SLIP_TRY(equals(runtime, self.items()[static_cast<std::size_t>(i)], *args[0]))) {
      return Value(i);
    }
  }
  return invalid("the value is not in the list");
}

Result<Value> list_count(Runtime& runtime, const Value& self, const Bound& args) {
  std::int64_t n = 0;
  for (const Value& item : self.items()) {
    if (SLIP_TRY(equals(runtime, item, *args[0]))) ++n;
  }
  return Value(n);
}

Result<Value> copy(Runtime& runtime, const Value& self, const Bound&) {
  SLIP_TRY(runtime.spend(1));
  return self;  // values don't change: the same one is as good
}

Result<Value> dict_get(Runtime&, const Value& self, const Bound& args) {
  const Value* value = SLIP_TRY(self.dict().lookup(*args[0]));
  if (value != nullptr) return *value;
  return args[1] == nullptr ? Value(nullptr) : *args[1];
}

template <DictView::Part kPart>
Result<Value> dict_view(Runtime&, const Value& self, const Bound&) {
  return Value(std::shared_ptr<Object>(std::make_shared<DictView>(self, kPart)));
}

constexpr Builtin kListMethods[] = {
    {"copy", "", 0, copy},
    {"count", "value", 1, list_count},
    {"index", "value start stop", 1, list_index},
};

constexpr Builtin kDictMethods[] = {
    {"copy", "", 0, copy},
    {"get", "key default", 1, dict_get},
    {"items", "", 0, dict_view<DictView::Part::kItems>},
    {"keys", "", 0, dict_view<DictView::Part::kKeys>},
    {"values", "", 0, dict_view<DictView::Part::kValues>},
};

}  // namespace

const Builtin* find_list_method(std::string_view name) {
  return find_in(kListMethods, name);
}
const Builtin* find_dict_method(std::string_view name) {
  return find_in(kDictMethods, name);
}

}  // namespace slip::tmpl
