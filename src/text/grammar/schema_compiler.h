// The work of parse_json_schema(), keyword by keyword.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/grammar/number_ranges.h"

namespace slip::grammar {

// schema_compiler.cpp has references and combinations, the other files one type each. For one use.
class SchemaCompiler {
 public:
  using Value = boost::json::value;
  using Object = boost::json::object;
  // Where in the schema: "#/properties/name".
  using Path = std::string;

  SchemaCompiler();
  Result<Grammar> compile_root(const Value& schema);
  Grammar object_grammar();

 private:
  static constexpr int kMaxVisits = 10'000;  // of schemas, merges counted by their keys
  static constexpr int kMaxSchemaDepth = 60;
  struct Level;  // counts depth

  // What a value of the schema looks like.
  Result<ExprId> compile(const Value& schema, const Path& path);
  Result<ExprId> compile_object_schema(const Object& schema, const Path& path);
  Result<ExprId> compile_branches(const Object& schema, std::string_view key, const Path& path);
  Result<ExprId> compile_all(const Object& schema, const Path& path);
  Result<ExprId> compile_values(const Object& schema, const Path& path);
  Result<ExprId> compile_types(const Object& schema, const Path& path);
  Result<ExprId> compile_type(std::string_view type, const Object& schema, const Path& path);
  Result<> check_keywords(const Object& schema, const Path& path) const;
  Result<std::vector<std::string>> types_of(const Object& schema, const Path& path) const;

  // References.
  Result<RuleId> rule_for(const std::string& reference, const Path& path);
  Result<const Value*> resolve(const std::string& reference, const Path& path) const;
  // The schema without $ref and allOf. kUnsupported for boolean schemas among them.
  Result<Object> flattened(const Value& schema, const Path& path);
  Result<> count_visits(std::size_t n);

  // Objects and arrays.
  struct Member {
    std::string name;
    const Value* schema = nullptr;  // null: anything
    bool is_required = false;
  };
  Result<ExprId> compile_object(const Object& schema, const Path& path);
  Result<std::vector<Member>> members_of(const Object& schema, const Path& path) const;
  Result<ExprId> compile_map(const Object& schema, const Path& path);
  Result<ExprId> compile_members(const Object& schema, std::vector<Member> members,
                                 const Path& path);
  Result<ExprId> key_of_map(const Object& schema, const Path& path);
  ExprId free_key(const std::vector<std::string>& taken);
  ExprId key_rest(const std::vector<std::u32string>& taken);
  ExprId member(ExprId quoted_key, ExprId value);
  ExprId in_braces(ExprId inside);
  Result<ExprId> compile_array(const Object& schema, const Path& path);
  struct ArrayParts {
    std::vector<ExprId> first;     // by position
    std::optional<ExprId> others;  // none: nothing may follow
    Times times;
  };
  Result<ArrayParts> array_parts(const Object& schema, const Path& path);
  ExprId array_of(const ArrayParts& parts);

  // Scalars.
  Result<ExprId> compile_string(const Object& schema, const Path& path);
  Result<ExprId> compile_pattern(const Object& schema, Times lengths, const Path& path);
  Result<ExprId> compile_format(const std::string& format, const Path& path);
  Result<ExprId> compile_number(std::string_view type, const Object& schema, const Path& path);
  Result<ExprId> compile_integer(const Object& schema, const Path& path);
  Result<ExprId> multiples(std::int64_t of, std::int64_t first, std::int64_t last);
  Result<std::optional<NumberBound>> bound(const Object& schema, std::string_view name,
                                           const Path& path) const;
  // A count that a keyword gives, 0 … kMaxRepeats.
  Result<std::optional<int>> count(const Object& schema, std::string_view key,
                                   const Path& path) const;
  Result<Times> times(const Object& schema, std::string_view of, const Path& path) const;

  // Rules that are there once, by what they are.
  RuleId any_value();
  RuleId any_string();
  RuleId any_number();
  RuleId any_object();
  RuleId any_array();
  RuleId key_tail();
  ExprId string_char();
  ExprId blanks() { return grammar_.reference(blanks_); }
  ExprId comma() { return comma_; }
  // The shared rule of that name, and whether it has yet to be defined.
  std::pair<RuleId, bool> shared(const std::string& name);

  Grammar grammar_;
  RuleId blanks_ = 0;
  ExprId comma_ = 0;
  std::map<std::string, RuleId> shared_;
  const Value* root_ = nullptr;
  int n_visits_ = 0;
  int depth_ = 0;
};

tl::unexpected<Error> schema_error(const SchemaCompiler::Path& path, std::string_view keyword,
                                   std::string_view what);
tl::unexpected<Error> not_enforced(const SchemaCompiler::Path& path, std::string_view keyword);

}  // namespace slip::grammar
