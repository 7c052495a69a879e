// Arrays, and values of any type.
#include <boost/json.hpp>

#include "text/grammar/schema_compiler.h"

namespace slip::grammar {

namespace json = boost::json;

RuleId SchemaCompiler::any_value() {
  const auto [rule, is_new] = shared("value");
  if (!is_new) return rule;
  grammar_.define(
      rule,
      grammar_.choice({grammar_.reference(any_object()), grammar_.reference(any_array()),
                       grammar_.reference(any_string()), grammar_.reference(any_number()),
                       grammar_.text("true"), grammar_.text("false"), grammar_.text("null")}));
  return rule;
}

RuleId SchemaCompiler::any_array() {
  const auto [rule, is_new] = shared("array");
  if (!is_new) return rule;
  grammar_.define(rule,
                  array_of({.first = {}, .others = grammar_.reference(any_value()), .times = {}}));
  return rule;
}

Result<std::optional<int>> SchemaCompiler::count(const Object& schema, std::string_view key,
                                                 const Path& path) const {
  const Value* value = schema.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return schema_error(path, key, "expected a number");
  const double number = value->to_number<double>();
  if (!(number >= 0 && number <= kMaxRepeats) || number != static_cast<int>(number)) {
    return fail(ErrorKind::kLimit, "schema: {}/{}: expected an integer of 0 … {}, got {}", path,
                key, kMaxRepeats, json::serialize(*value));
  }
  return static_cast<int>(number);
}

// minX and maxX.
Result<Times> SchemaCompiler::times(const Object& schema, std::string_view of,
                                    const Path& path) const {
  const auto min = SLIP_TRY(count(schema, "min" + std::string(of), path));
  const auto max = SLIP_TRY(count(schema, "max" + std::string(of), path));
  const Times times{.min = min.value_or(0), .max = max.value_or(Times::kUnbounded)};
  if (max && times.min > times.max) {
    return schema_error(path, "min" + std::string(of), "expected at most the maximum");
  }
  return times;
}

Result<SchemaCompiler::ArrayParts> SchemaCompiler::array_parts(const Object& schema,
                                                               const Path& path) {
  ArrayParts parts{.first = {}, .others = std::nullopt, .times = {}};
  parts.times = SLIP_TRY(times(schema, "Items", path));
  const Value* tuple = schema.if_contains("prefixItems");
  const Value* items = schema.if_contains("items");
  const char* tuple_key = "prefixItems";
  const char* items_key = "items";
  if (items != nullptr && items->is_array()) {  // until draft 2019-09
    tuple = items;
    tuple_key = "items";
    items = schema.if_contains("additionalItems");
    items_key = "additionalItems";
  }
  if (tuple != nullptr) {
    if (!tuple->is_array()) return schema_error(path, tuple_key, "expected an array");
    for (std::size_t i = 0; i < tuple->get_array().size(); ++i) {
      const Path below = path + "/" + tuple_key + "/" + std::to_string(i);
      parts.first.push_back(SLIP_TRY(compile(tuple->get_array()[i], below)));
    }
  }
  if (items != nullptr) {
    parts.others = SLIP_TRY(compile(*items, path + "/" + items_key));
  } else if (parts.first.empty() || parts.times.min > std::ssize(parts.first)) {
    parts.others = grammar_.reference(any_value());
  }
  return parts;
}

Result<ExprId> SchemaCompiler::compile_array(const Object& schema, const Path& path) {
  const ArrayParts parts = SLIP_TRY(array_parts(schema, path));
  if (const Value* unique = schema.if_contains("uniqueItems")) {
    const bool is_trivial = parts.times.max == 0 || parts.times.max == 1;
    if (*unique != false && !is_trivial) return not_enforced(path, "uniqueItems");
  }
  return array_of(parts);
}

ExprId SchemaCompiler::array_of(const ArrayParts& parts) {
  const int min = parts.times.min;
  const int max = parts.times.max;
  const auto n_first = static_cast<int>(parts.first.size());
  const auto in_brackets = [this](ExprId inside) {
    return grammar_.sequence({grammar_.text("["), blanks(), inside, blanks(), grammar_.text("]")});
  };
  if (max == 0) return in_brackets(grammar_.empty());
  // What may follow the element before `i`, from the back.
  ExprId rest = grammar_.empty();
  if (parts.others && (max == Times::kUnbounded || max > n_first)) {
    const int done = std::max(n_first, 1);
    rest = grammar_.repeat(
        grammar_.sequence({comma(), *parts.others}),
        {.min = std::max(0, min - done), .max = max == Times::kUnbounded ? max : max - done});
  } else if (min > n_first) {
    rest = grammar_.choice({});
  }
  const auto from = [&](int i, ExprId element, ExprId after) {
    const ExprId both =
        i == 0 ? grammar_.sequence({element, after}) : grammar_.sequence({comma(), element, after});
    return i < min ? both : grammar_.optional(both);
  };
  if (n_first == 0 && parts.others) rest = from(0, *parts.others, rest);
  for (int i = n_first; i-- > 0;) {
    if (max != Times::kUnbounded && i >= max) continue;
    rest = from(i, parts.first[static_cast<std::size_t>(i)], rest);
  }
  return in_brackets(rest);
}

}  // namespace slip::grammar
