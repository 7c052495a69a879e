#include "text/template/builtin.h"

#include <algorithm>

#include "text/template/operators.h"
#include "text/template/runtime.h"

namespace slip::tmpl {
namespace {

std::vector<std::string_view> split_names(std::string_view names) {
  std::vector<std::string_view> parts;
  while (!names.empty()) {
    const std::size_t space = std::min(names.find(' '), names.size());
    parts.push_back(names.substr(0, space));
    names.remove_prefix(std::min(space + 1, names.size()));
  }
  return parts;
}

Result<std::vector<const Value*>> sort_arguments(const Builtin& builtin, const Args& args) {
  const std::vector<std::string_view> names = split_names(builtin.parameters);
  std::vector<const Value*> slots(names.size(), nullptr);
  if (args.positional.size() > names.size()) {
    return invalid("{}: expected at most {} arguments, got {}", builtin.name, names.size(),
                   args.positional.size());
  }
  for (std::size_t i = 0; i < args.positional.size(); ++i) slots[i] = &args.positional[i];
  for (const auto& [name, value] : args.named) {
    const auto it = std::find(names.begin(), names.end(), name);
    if (it == names.end()) return invalid("{}: unknown argument '{}'", builtin.name, name);
    const Value*& slot = slots[static_cast<std::size_t>(it - names.begin())];
    if (slot != nullptr) return invalid("{}: argument '{}' is given twice", builtin.name, name);
    slot = &value;
  }
  for (std::size_t i = 0; i < builtin.required; ++i) {
    if (slots[i] == nullptr) return invalid("{}: missing argument '{}'", builtin.name, names[i]);
  }
  return slots;
}

}  // namespace

Result<std::int64_t> Bound::integer(std::size_t i, std::int64_t fallback) const {
  const Value* value = slots_[i];
  if (value == nullptr || value->is_none()) return fallback;
  if (!value->is_integral()) return invalid("expected an integer, got {}", value->type_name());
  return value->integer();
}

bool Bound::truth(std::size_t i, bool fallback) const {
  return slots_[i] == nullptr ? fallback : truthy(*slots_[i]);
}

const Builtin* find_in(std::span<const Builtin> table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const Builtin& entry) { return entry.name == name; });
  return it == table.end() ? nullptr : &*it;
}

Result<Value> call_builtin(Runtime& runtime, const Builtin& builtin, const Value& self,
                           const Args& args) {
  SLIP_TRY(runtime.spend(1));
  std::vector<const Value*> slots;
  if (builtin.parameters != "*") slots = SLIP_TRY(sort_arguments(builtin, args));
  return builtin.function(runtime, self, Bound(args, std::move(slots)));
}

}  // namespace slip::tmpl
