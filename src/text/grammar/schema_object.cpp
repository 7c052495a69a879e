// Objects: members in the schema's order.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "text/grammar/json_text.h"
#include "text/grammar/pattern.h"
#include "text/grammar/schema_compiler.h"
#include "text/utf8.h"

namespace slip::grammar {
namespace {

namespace json = boost::json;

// Of members beside keys that aren't named: each character is an expression within the last one.
constexpr std::size_t kMaxNameBytes = 100;

std::u32string characters(std::string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char c = utf8_at(text.data() + i);
    out += static_cast<char32_t>(c.code);
    i += c.size;
  }
  return out;
}

// Keys that no schema names have no escapes: each has one spelling.
const CharSet& key_chars() {
  static const CharSet set = CharSet::all().without(CharSet({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}}));
  return set;
}

bool is_false(const json::value* value) {
  return value != nullptr && *value == false;
}

}  // namespace

ExprId SchemaCompiler::member(ExprId quoted_key, ExprId value) {
  return grammar_.sequence(
      {quoted_key, grammar_.text(":"), grammar_.optional(grammar_.text(" ")), value});
}

ExprId SchemaCompiler::in_braces(ExprId inside) {
  return grammar_.sequence({grammar_.text("{"), blanks(), inside, blanks(), grammar_.text("}")});
}

RuleId SchemaCompiler::any_object() {
  const auto [rule, is_new] = shared("object");
  if (!is_new) return rule;
  const ExprId pair = member(grammar_.reference(any_string()), grammar_.reference(any_value()));
  grammar_.define(rule, in_braces(grammar_.list(comma(), {{ListItem::Presence::kRepeated, pair}})));
  return rule;
}

Result<std::vector<SchemaCompiler::Member>> SchemaCompiler::members_of(const Object& schema,
                                                                       const Path& path) const {
  std::vector<Member> members;
  if (const Value* properties = schema.if_contains("properties")) {
    if (!properties->is_object()) return schema_error(path, "properties", "expected an object");
    for (const auto& [name, value] : properties->get_object()) {
      members.push_back({.name = std::string(name), .schema = &value});
    }
  }
  const Value* required = schema.if_contains("required");
  if (required == nullptr) return members;
  if (!required->is_array()) return schema_error(path, "required", "expected an array");
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < members.size(); ++i) index[members[i].name] = i;
  for (const Value& name : required->get_array()) {
    if (!name.is_string()) return schema_error(path, "required", "expected an array of strings");
    const auto [it, is_new] = index.try_emplace(std::string(name.get_string()), members.size());
    if (is_new) {
      const Value* others = schema.if_contains("additionalProperties");
      if (others == nullptr) others = schema.if_contains("unevaluatedProperties");
      members.push_back({.name = it->first, .schema = others});
    }
    members[it->second].is_required = true;
  }
  return members;
}

Result<ExprId> SchemaCompiler::compile_object(const Object& schema, const Path& path) {
  const Value* unevaluated = schema.if_contains("unevaluatedProperties");
  if (unevaluated != nullptr && !unevaluated->is_bool()) {
    return not_enforced(path, "unevaluatedProperties");
  }
  auto members = SLIP_TRY(members_of(schema, path));
  const bool has_patterns = schema.contains("patternProperties");
  if (!members.empty()) {
    for (const char* keyword : {"patternProperties", "propertyNames"}) {
      if (schema.contains(keyword)) {
        return not_enforced(path, fmt::format("{} beside named properties", keyword));
      }
    }
    return compile_members(schema, std::move(members), path);
  }
  const bool is_closed = is_false(schema.if_contains("additionalProperties")) ||
                         is_false(unevaluated) || schema.contains("properties");
  const Value* others = schema.if_contains("additionalProperties");
  const bool has_others = others != nullptr && !is_false(others);
  if (is_closed && !has_patterns && !has_others) {
    const Times counts = SLIP_TRY(times(schema, "Properties", path));
    return counts.min > 0 ? grammar_.choice({}) : in_braces(grammar_.empty());
  }
  return compile_map(schema, path);
}

// {"key": value, …} with keys that the schema doesn't name.
Result<ExprId> SchemaCompiler::compile_map(const Object& schema, const Path& path) {
  const Times counts = SLIP_TRY(times(schema, "Properties", path));
  // The same key may come twice.
  if (counts.min > 1) return not_enforced(path, "minProperties");
  const Value* values = schema.if_contains("additionalProperties");
  Path below = path + "/additionalProperties";
  if (const Value* patterns = schema.if_contains("patternProperties")) {
    if (!patterns->is_object())
      return schema_error(path, "patternProperties", "expected an object");
    if (patterns->get_object().size() != 1) {
      return not_enforced(path, "patternProperties of several patterns");
    }
    values = &patterns->get_object().begin()->value();
    below = path + "/patternProperties";
  }
  const ExprId key = SLIP_TRY(key_of_map(schema, path));
  const ExprId value =
      values == nullptr ? grammar_.reference(any_value()) : SLIP_TRY(compile(*values, below));
  const ExprId pair = member(key, value);
  const int max = counts.max;
  if (max == 0) return in_braces(grammar_.empty());
  const ExprId more =
      grammar_.repeat(grammar_.sequence({comma(), pair}),
                      {.min = 0, .max = max == Times::kUnbounded ? Times::kUnbounded : max - 1});
  const ExprId some = grammar_.sequence({pair, more});
  return in_braces(counts.min > 0 ? some : grammar_.optional(some));
}

Result<ExprId> SchemaCompiler::key_of_map(const Object& schema, const Path& path) {
  const Value* names = schema.if_contains("propertyNames");
  if (const Value* patterns = schema.if_contains("patternProperties")) {
    if (names != nullptr) return not_enforced(path, "propertyNames beside patternProperties");
    const Object as_string{{"type", "string"}, {"pattern", patterns->get_object().begin()->key()}};
    return compile_string(as_string, path + "/patternProperties");
  }
  if (names == nullptr) return grammar_.reference(any_string());
  if (names->is_bool() && names->get_bool()) return grammar_.reference(any_string());
  if (!names->is_object()) return not_enforced(path, "propertyNames");
  Object as_string = names->get_object();
  as_string["type"] = "string";
  return compile(as_string, path + "/propertyNames");
}

Result<ExprId> SchemaCompiler::compile_members(const Object& schema, std::vector<Member> members,
                                               const Path& path) {
  const Times counts = SLIP_TRY(times(schema, "Properties", path));
  const auto n_required =
      std::count_if(members.begin(), members.end(), [](const Member& m) { return m.is_required; });
  if (counts.min > n_required) return not_enforced(path, "minProperties");
  const bool is_bounded = counts.max != Times::kUnbounded;
  if (is_bounded && counts.max < std::ssize(members)) return not_enforced(path, "maxProperties");
  std::vector<ListItem> items;
  std::vector<std::string> names;
  for (const Member& m : members) {
    const Path below = path + "/properties/" + m.name;
    const ExprId value =
        m.schema == nullptr ? grammar_.reference(any_value()) : SLIP_TRY(compile(*m.schema, below));
    const auto presence =
        m.is_required ? ListItem::Presence::kRequired : ListItem::Presence::kOptional;
    items.push_back({presence, member(grammar_.text(json_quoted(m.name)), value)});
    names.push_back(m.name);
  }
  const Value* others = schema.if_contains("additionalProperties");
  if (others != nullptr && !is_false(others)) {
    for (const std::string& name : names) {
      if (name.size() <= kMaxNameBytes) continue;
      return fail(ErrorKind::kLimit,
                  "schema: {}/additionalProperties: expected names of at most {} bytes beside it",
                  path, kMaxNameBytes);
    }
    const ExprId value = SLIP_TRY(compile(*others, path + "/additionalProperties"));
    const ExprId pair = member(free_key(names), value);
    if (!is_bounded) {
      items.push_back({ListItem::Presence::kRepeated, pair});
    } else if (counts.max > std::ssize(members)) {
      const int most = counts.max - static_cast<int>(members.size());
      const ExprId more =
          grammar_.repeat(grammar_.sequence({comma(), pair}), {.min = 0, .max = most - 1});
      items.push_back({ListItem::Presence::kOptional, grammar_.sequence({pair, more})});
    }
  }
  return in_braces(grammar_.list(comma(), std::move(items)));
}

RuleId SchemaCompiler::key_tail() {
  const auto [rule, is_new] = shared("key");
  if (is_new) {
    const ExprId rest = grammar_.repeat(grammar_.chars(key_chars()), {.min = 0});
    grammar_.define(rule, grammar_.sequence({rest, grammar_.text("\"")}));
  }
  return rule;
}

// A quoted key that is none of `taken`.
ExprId SchemaCompiler::free_key(const std::vector<std::string>& taken) {
  std::vector<std::u32string> names;
  names.reserve(taken.size());
  for (const std::string& name : taken) names.push_back(characters(name));
  return grammar_.sequence({grammar_.text("\""), key_rest(names)});
}

// What may follow, closing quote included, where `taken` are the rests of the names that begin with
// what is there.
ExprId SchemaCompiler::key_rest(const std::vector<std::u32string>& taken) {
  if (taken.empty()) return grammar_.reference(key_tail());
  std::map<char32_t, std::vector<std::u32string>> next;
  bool may_end = true;
  for (const std::u32string& name : taken) {
    if (name.empty()) {
      may_end = false;
    } else {
      next[name[0]].push_back(name.substr(1));
    }
  }
  std::vector<ExprId> parts;
  std::vector<CharRange> begun;
  for (const auto& [c, rests] : next) {
    const CharRange range{static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(c)};
    if (!key_chars().contains(range.first)) continue;
    begun.push_back(range);
    parts.push_back(grammar_.sequence({grammar_.chars(CharSet({range})), key_rest(rests)}));
  }
  parts.push_back(grammar_.sequence(
      {grammar_.chars(key_chars().without(CharSet(begun))), grammar_.reference(key_tail())}));
  if (may_end) parts.push_back(grammar_.text("\""));
  return grammar_.choice(std::move(parts));
}

}  // namespace slip::grammar
