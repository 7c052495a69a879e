#include "text/grammar/schema_compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "formats/json.h"
#include "formats/shown.h"
#include "text/grammar/json_schema.h"
#include "text/grammar/json_text.h"
#include "text/grammar/schema_merge.h"

namespace slip::grammar {
namespace {

namespace json = boost::json;

// The types that keywords are about.
struct TypedKeywords {
  std::string_view type;
  std::vector<std::string_view> keywords;
};
const std::vector<TypedKeywords>& typed_keywords() {
  static const std::vector<TypedKeywords> list{
      {"object",
       {"properties", "required", "additionalProperties", "patternProperties", "propertyNames",
        "minProperties", "maxProperties", "unevaluatedProperties"}},
      {"array", {"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"}},
      {"string", {"minLength", "maxLength", "pattern", "format"}},
      {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
  };
  return list;
}

bool contains(const std::vector<std::string_view>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_typed(std::string_view keyword) {
  return std::any_of(typed_keywords().begin(), typed_keywords().end(),
                     [&](const TypedKeywords& t) { return contains(t.keywords, keyword); });
}

bool has_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (!value.is_number()) return false;
  return type == "number" || !value.is_double() ||
         std::trunc(value.get_double()) == value.get_double();
}

// As Python's json.dumps writes it.
std::string written(const json::value& value) {
  if (value.is_string()) return json_quoted(std::string_view(value.get_string()));
  if (value.is_double()) return fmt::format("{}", value.get_double());
  std::string out;
  if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) out += (out.empty() ? "" : ", ") + written(item);
    return "[" + out + "]";
  }
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, item] : *object) {
      out += (out.empty() ? "" : ", ") + json_quoted(key) + ": " + written(item);
    }
    return "{" + out + "}";
  }
  return json::serialize(value);
}

// One step of a JSON pointer: %7B, ~0 and ~1 decoded.
std::string pointer_step(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      unsigned code = 0;
      const auto parsed = std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16);
      if (parsed.ptr == text.data() + i + 3) {
        out += static_cast<char>(code);
        i += 2;
        continue;
      }
    }
    if (text[i] == '~' && i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
      out += text[++i] == '0' ? '~' : '/';
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

tl::unexpected<Error> schema_error(const SchemaCompiler::Path& path, std::string_view keyword,
                                   std::string_view what) {
  return invalid("schema: {}/{}: {}", path, keyword, what);
}
tl::unexpected<Error> not_enforced(const SchemaCompiler::Path& path, std::string_view keyword) {
  return fail(ErrorKind::kUnsupported, "schema: {}/{}: can't be enforced", path, keyword);
}

struct SchemaCompiler::Level {
  explicit Level(int& depth) : depth_(depth) { ++depth_; }
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  int& depth_;
};

SchemaCompiler::SchemaCompiler() {
  grammar_.add_rule("#");
  // Bounded, so that no answer is blanks without end.
  constexpr int kMaxIndent = 20;
  const ExprId indent =
      grammar_.repeat(grammar_.chars(CharSet::of(" \t")), {.min = 0, .max = kMaxIndent});
  blanks_ = grammar_.add_rule("blanks", Grammar::Sharing::kAlways);
  grammar_.define(blanks_, grammar_.choice({grammar_.empty(), grammar_.text(" "),
                                            grammar_.sequence({grammar_.text("\n"), indent})}));
  comma_ = grammar_.sequence({grammar_.text(","), blanks()});
}

Result<Grammar> SchemaCompiler::compile_root(const Value& schema) {
  root_ = &schema;
  shared_["$ref #"] = 0;
  grammar_.define(0, SLIP_TRY(compile(schema, "#")));
  SLIP_TRY(grammar_.check_size());
  return std::move(grammar_);
}

Grammar SchemaCompiler::object_grammar() {
  grammar_.define(0, grammar_.reference(any_object()));
  return std::move(grammar_);
}

std::pair<RuleId, bool> SchemaCompiler::shared(const std::string& name) {
  const auto [it, is_new] = shared_.try_emplace(name, 0);
  if (is_new) it->second = grammar_.add_rule(name, Grammar::Sharing::kAlways);
  return {it->second, is_new};
}

Result<> SchemaCompiler::count_visits(std::size_t n) {
  n_visits_ += static_cast<int>(std::min<std::size_t>(n, kMaxVisits));
  if (n_visits_ > kMaxVisits) {
    return fail(ErrorKind::kLimit, "schema: too large: more than {} schemas to combine",
                kMaxVisits);
  }
  return grammar_.check_size();
}

Result<ExprId> SchemaCompiler::compile(const Value& schema, const Path& path) {
  const Level level(depth_);
  SLIP_TRY(count_visits(1));
  if (depth_ > kMaxSchemaDepth) {
    return fail(ErrorKind::kLimit, "schema: {}: expected at most {} schemas within each other",
                path, kMaxSchemaDepth);
  }
  if (const bool* flag = schema.if_bool()) {
    return *flag ? grammar_.reference(any_value()) : grammar_.choice({});
  }
  if (const Object* object = schema.if_object()) return compile_object_schema(*object, path);
  return invalid("schema: {}: expected an object or a boolean, got {}", path, json_kind(schema));
}

Result<> SchemaCompiler::check_keywords(const Object& schema, const Path& path) const {
  for (const auto& [key, value] : schema) {
    const std::string_view keyword = key;
    static const std::vector<std::string_view> kOthers{"type",  "enum",  "const", "anyOf",
                                                       "oneOf", "allOf", "$ref",  "nullable"};
    if (contains(kOthers, keyword) || is_annotation(keyword) || is_typed(keyword)) continue;
    return not_enforced(path, shown(keyword));
  }
  return {};
}

Result<ExprId> SchemaCompiler::compile_object_schema(const Object& schema, const Path& path) {
  SLIP_TRY(check_keywords(schema, path));
  if (const Value* reference = schema.if_contains("$ref")) {
    if (!reference->is_string()) return schema_error(path, "$ref", "expected a string");
    const bool is_alone = std::all_of(schema.begin(), schema.end(), [](const auto& entry) {
      return entry.key() == "$ref" || is_annotation(entry.key());
    });
    if (!is_alone) return compile_all(schema, path);
    return grammar_.reference(SLIP_TRY(rule_for(std::string(reference->get_string()), path)));
  }
  if (schema.contains("allOf")) return compile_all(schema, path);
  if (schema.contains("anyOf")) return compile_branches(schema, "anyOf", path);
  if (schema.contains("oneOf")) return compile_branches(schema, "oneOf", path);
  if (schema.contains("enum") || schema.contains("const")) return compile_values(schema, path);
  return compile_types(schema, path);
}

Result<ExprId> SchemaCompiler::compile_all(const Object& schema, const Path& path) {
  return compile(SLIP_TRY(flattened(schema, path)), path);
}

Result<SchemaCompiler::Object> SchemaCompiler::flattened(const Value& schema, const Path& path) {
  const Level level(depth_);
  SLIP_TRY(count_visits(1));
  if (depth_ > kMaxSchemaDepth) {
    return fail(ErrorKind::kLimit, "schema: {}: references lead to each other without end", path);
  }
  if (const bool* flag = schema.if_bool()) {
    return *flag ? Object() : Object{{"enum", json::array()}};
  }
  if (!schema.is_object()) {
    return invalid("schema: {}: expected an object or a boolean, got {}", path, json_kind(schema));
  }
  Object out = schema.get_object();
  SLIP_TRY(check_keywords(out, path));
  std::vector<const Value*> others;
  if (const Value* reference = schema.get_object().if_contains("$ref")) {
    if (!reference->is_string()) return schema_error(path, "$ref", "expected a string");
    others.push_back(SLIP_TRY(resolve(std::string(reference->get_string()), path)));
  }
  if (const Value* all = schema.get_object().if_contains("allOf")) {
    if (!all->is_array()) return schema_error(path, "allOf", "expected an array");
    for (const Value& part : all->get_array()) others.push_back(&part);
  }
  out.erase("$ref");
  out.erase("allOf");
  for (const Value* other : others) {
    const Object part = SLIP_TRY(flattened(*other, path));
    const Value* properties = part.if_contains("properties");
    // What it is about ends with that part.
    if (part.contains("unevaluatedProperties")) {
      return not_enforced(path, "unevaluatedProperties within a combination");
    }
    SLIP_TRY(count_visits(part.size() + (properties != nullptr && properties->is_object()
                                             ? properties->get_object().size()
                                             : 0)));
    out = SLIP_TRY(merge_schemas(out, part, path));
  }
  return out;
}

Result<ExprId> SchemaCompiler::compile_branches(const Object& schema, std::string_view key,
                                                const Path& path) {
  const Value& branches = schema.at(key);
  if (!branches.is_array() || branches.get_array().empty()) {
    return schema_error(path, key, "expected an array of schemas");
  }
  Object rest = schema;
  rest.erase(key);
  const bool is_alone = std::all_of(rest.begin(), rest.end(),
                                    [](const auto& entry) { return is_annotation(entry.key()); });
  std::vector<ExprId> parts;
  for (std::size_t i = 0; i < branches.get_array().size(); ++i) {
    const Value& branch = branches.get_array()[i];
    const Path below = fmt::format("{}/{}/{}", path, key, i);
    if (is_alone) {
      parts.push_back(SLIP_TRY(compile(branch, below)));
      continue;
    }
    SLIP_TRY(count_visits(rest.size()));
    const Object all{{"allOf", json::array{rest, branch}}};
    parts.push_back(SLIP_TRY(compile(all, below)));
  }
  return grammar_.choice(std::move(parts));
}

Result<ExprId> SchemaCompiler::compile_values(const Object& schema, const Path& path) {
  for (const auto& [key, value] : schema) {
    if (is_typed(key))
      return not_enforced(path, fmt::format("{} beside enum", std::string_view(key)));
  }
  const Value* one = schema.if_contains("const");
  const Value* list = schema.if_contains("enum");
  if (list != nullptr && !list->is_array()) return schema_error(path, "enum", "expected an array");
  const json::array values = list != nullptr ? list->get_array() : json::array{*one};
  const auto types = SLIP_TRY(types_of(schema, path));
  std::vector<ExprId> parts;
  for (const Value& value : values) {
    const bool fits = !schema.contains("type") ||
                      std::any_of(types.begin(), types.end(),
                                  [&](const std::string& type) { return has_type(value, type); });
    if (fits && (one == nullptr || value == *one)) parts.push_back(grammar_.text(written(value)));
    SLIP_TRY(grammar_.check_size());
  }
  return grammar_.choice(std::move(parts));
}

Result<std::vector<std::string>> SchemaCompiler::types_of(const Object& schema,
                                                          const Path& path) const {
  static const std::vector<std::string_view> kTypes{"object",  "array",   "string", "number",
                                                    "integer", "boolean", "null"};
  std::vector<std::string> types;
  if (const Value* type = schema.if_contains("type")) {
    const json::array list = type->is_array() ? type->get_array() : json::array{*type};
    for (const Value& name : list) {
      if (!name.is_string() || !contains(kTypes, std::string_view(name.get_string()))) {
        return schema_error(
            path, "type",
            fmt::format("expected the name of a type, got {}", shown(json::serialize(name))));
      }
      types.emplace_back(name.get_string());
    }
  } else {
    for (const TypedKeywords& typed : typed_keywords()) {
      const bool is_meant = std::any_of(schema.begin(), schema.end(), [&](const auto& entry) {
        return contains(typed.keywords, entry.key());
      });
      if (is_meant) types.emplace_back(typed.type);
    }
  }
  const Value* nullable = schema.if_contains("nullable");
  if (nullable != nullptr && !nullable->is_bool()) {
    return schema_error(path, "nullable", "expected a boolean");
  }
  const bool is_nullable = nullable != nullptr && nullable->get_bool();
  if (is_nullable && !types.empty()) types.emplace_back("null");
  return types;
}

Result<ExprId> SchemaCompiler::compile_types(const Object& schema, const Path& path) {
  const auto types = SLIP_TRY(types_of(schema, path));
  if (types.empty() && !schema.contains("type")) return grammar_.reference(any_value());
  std::vector<ExprId> parts;
  parts.reserve(types.size());
  for (const std::string& type : types) {
    parts.push_back(SLIP_TRY(compile_type(type, schema, path)));
  }
  return grammar_.choice(std::move(parts));
}

Result<ExprId> SchemaCompiler::compile_type(std::string_view type, const Object& schema,
                                            const Path& path) {
  if (type == "object") return compile_object(schema, path);
  if (type == "array") return compile_array(schema, path);
  if (type == "string") return compile_string(schema, path);
  if (type == "null") return grammar_.text("null");
  if (type == "boolean") return grammar_.choice({grammar_.text("true"), grammar_.text("false")});
  return compile_number(type, schema, path);
}

Result<const SchemaCompiler::Value*> SchemaCompiler::resolve(const std::string& reference,
                                                             const Path& path) const {
  const auto unknown = [&] {
    return schema_error(path, "$ref",
                        fmt::format("expected a schema of this document ('#/…'), "
                                    "got {}",
                                    shown(reference)));
  };
  if (reference.empty() || reference[0] != '#') return unknown();
  const Value* at = root_;
  std::string_view rest = std::string_view(reference).substr(1);
  while (!rest.empty()) {
    if (rest[0] != '/') return unknown();
    rest.remove_prefix(1);
    const std::string step = pointer_step(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(rest.find('/'), rest.size()));
    if (const Object* object = at->if_object()) {
      at = object->if_contains(step);
    } else if (const json::array* array = at->if_array()) {
      std::size_t i = 0;
      const auto parsed = std::from_chars(step.data(), step.data() + step.size(), i);
      const bool is_index = parsed.ptr == step.data() + step.size() && !step.empty();
      at = is_index && i < array->size() ? &(*array)[i] : nullptr;
    } else {
      at = nullptr;
    }
    if (at == nullptr) return unknown();
  }
  return at;
}

Result<RuleId> SchemaCompiler::rule_for(const std::string& reference, const Path& path) {
  const Value* target = SLIP_TRY(resolve(reference, path));
  const auto [rule, is_new] = shared("$ref " + reference);
  if (is_new) grammar_.define(rule, SLIP_TRY(compile(*target, reference)));
  return rule;
}

Result<Grammar> parse_json_schema(std::string_view schema) {
  if (schema.size() > kMaxSourceBytes) {
    return fail(ErrorKind::kLimit, "schema: expected at most {} bytes, got {}", kMaxSourceBytes,
                schema.size());
  }
  const json::value root = SLIP_TRY(parse_json(schema, "schema"));
  return SchemaCompiler().compile_root(root);
}

Grammar json_object_grammar() {
  return SchemaCompiler().object_grammar();
}

}  // namespace slip::grammar
