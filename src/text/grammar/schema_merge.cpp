#include "text/grammar/schema_merge.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace slip::grammar {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxBranches = 64;  // of two anyOf's multiplied

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

tl::unexpected<Error> unmergeable(const std::string& path, std::string_view keyword) {
  return fail(ErrorKind::kUnsupported,
              "schema: {}/{}: two different values that hold together can't be enforced", path,
              keyword);
}

// A schema that asks for both.
json::value both(const json::value& a, const json::value& b) {
  if (a == b) return a;
  return json::object{{"allOf", json::array{a, b}}};
}

// What an object says of a property that it doesn't name; null: nothing.
const json::value* unnamed(const json::object& schema) {
  return schema.if_contains("additionalProperties");
}

// The properties of `a` with what both say of them.
void add_properties(json::object& out, const json::object& a, const json::object& b) {
  const json::value* ours = a.if_contains("properties");
  if (ours == nullptr || !ours->is_object()) return;
  const json::value* theirs = b.if_contains("properties");
  for (const auto& [name, schema] : ours->get_object()) {
    if (out.contains(name)) continue;
    const json::value* other =
        theirs != nullptr && theirs->is_object() ? theirs->get_object().if_contains(name) : nullptr;
    if (other == nullptr) other = unnamed(b);
    out[name] = other == nullptr ? schema : both(schema, *other);
  }
}

json::array as_list(const json::value& value) {
  return value.is_array() ? value.get_array() : json::array{value};
}

// The types of both; an integer is a number.
json::array common_types(const json::value& a, const json::value& b) {
  json::array out;
  const json::array ours = as_list(a);
  const json::array theirs = as_list(b);
  const auto has = [](const json::array& list, const json::value& type) {
    return std::find(list.begin(), list.end(), type) != list.end();
  };
  for (const json::value& type : ours) {
    if (has(theirs, type) || (type == "integer" && has(theirs, "number"))) out.push_back(type);
  }
  for (const json::value& type : theirs) {
    if (type == "integer" && has(ours, "number") && !has(out, type)) out.push_back(type);
  }
  return out;
}

json::array common_values(const json::value& a, const json::value& b) {
  json::array out;
  const json::array theirs = as_list(b);
  for (const json::value& value : as_list(a)) {
    if (std::find(theirs.begin(), theirs.end(), value) != theirs.end()) out.push_back(value);
  }
  return out;
}

bool less(const json::value& a, const json::value& b) {
  return a.to_number<double>() < b.to_number<double>();
}

// Every pair of branches.
Result<json::value> multiplied(const json::value& a, const json::value& b,
                               const std::string& path) {
  json::array out;
  for (const json::value& ours : as_list(a)) {
    for (const json::value& theirs : as_list(b)) {
      if (out.size() == kMaxBranches) {
        return fail(ErrorKind::kLimit, "schema: {}/anyOf: expected at most {} combinations", path,
                    kMaxBranches);
      }
      out.push_back(both(ours, theirs));
    }
  }
  return out;
}

Result<json::value> merge_values(std::string_view key, const json::value& a, const json::value& b,
                                 const std::string& path) {
  if (a == b || is_annotation(key)) return a;
  if (key == "type") return json::value(common_types(a, b));
  if (key == "enum") return json::value(common_values(a, b));
  if (is_one_of(key, {"anyOf", "oneOf"})) return multiplied(a, b, path);
  if (is_one_of(key, {"items", "additionalProperties"}) && !a.is_array() && !b.is_array()) {
    return both(a, b);
  }
  if (key == "required" && a.is_array() && b.is_array()) {
    json::array out = a.get_array();
    for (const json::value& name : b.get_array()) {
      if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    }
    return json::value(std::move(out));
  }
  if (a.is_number() && b.is_number()) {
    if (key.starts_with("min") || key == "exclusiveMinimum") return less(a, b) ? b : a;
    if (key.starts_with("max") || key == "exclusiveMaximum") return less(a, b) ? a : b;
  }
  return unmergeable(path, key);
}

// `const` as an enum of one.
json::object normalised(json::object schema) {
  if (const json::value* value = schema.if_contains("const")) {
    json::array values{*value};
    if (const json::value* listed = schema.if_contains("enum")) {
      values = common_values(json::value(values), *listed);
    }
    schema.erase("const");
    schema["enum"] = std::move(values);
  }
  return schema;
}

}  // namespace

bool is_annotation(std::string_view keyword) {
  return keyword.starts_with("x-") || is_one_of(keyword, {"title",
                                                          "description",
                                                          "default",
                                                          "examples",
                                                          "example",
                                                          "$schema",
                                                          "$id",
                                                          "id",
                                                          "$comment",
                                                          "deprecated",
                                                          "readOnly",
                                                          "writeOnly",
                                                          "contentMediaType",
                                                          "contentEncoding",
                                                          "contentSchema",
                                                          "$defs",
                                                          "definitions",
                                                          "$anchor",
                                                          "discriminator",
                                                          "externalDocs",
                                                          "xml"});
}

Result<json::object> merge_schemas(const json::object& schema_a, const json::object& schema_b,
                                   const std::string& path) {
  const json::object a = normalised(schema_a);
  const json::object b = normalised(schema_b);
  json::object properties;
  add_properties(properties, a, b);
  add_properties(properties, b, a);
  const bool has_tuple = a.contains("prefixItems") || b.contains("prefixItems");
  json::object out;
  for (const json::object* side : {&a, &b}) {
    const json::object& other = side == &a ? b : a;
    for (const auto& [key, value] : *side) {
      if (out.contains(key) || key == "properties" || key == "nullable") continue;
      const json::value* theirs = other.if_contains(key);
      if (theirs == nullptr && has_tuple && (key == "items" || key == "prefixItems") &&
          (other.contains("items") || other.contains("prefixItems"))) {
        return unmergeable(path, key);
      }
      out[key] = theirs == nullptr ? value : SLIP_TRY(merge_values(key, value, *theirs, path));
    }
  }
  if (!properties.empty() || a.contains("properties") || b.contains("properties")) {
    out["properties"] = std::move(properties);
  }
  const auto is_nullable = [](const json::object& schema) {
    const json::value* flag = schema.if_contains("nullable");
    return flag != nullptr && *flag == true;
  };
  if (is_nullable(a) && is_nullable(b)) out["nullable"] = true;
  return out;
}

}  // namespace slip::grammar
