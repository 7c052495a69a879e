#include "text/grammar/json_schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "text/grammar/number_ranges.h"
#include "text_grammar/matching.h"

namespace slip::grammar {
namespace {

bool valid(std::string_view schema, std::string_view text) {
  const auto grammar = parse_json_schema(schema);
  EXPECT_TRUE(grammar.has_value()) << grammar.error().message;
  return grammar && test::matches(*grammar, text);
}

std::string refused(std::string_view schema) {
  return test::refusal(parse_json_schema(schema));
}

TEST(JsonSchema, MembersComeInTheSchemasOrder) {
  const auto schema = R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"},
                          "c":{"type":"boolean"}},"required":["b"]})";
  EXPECT_TRUE(valid(schema, R"({"a": 1, "b": null, "c": true})"));
  EXPECT_TRUE(valid(schema, R"({"b":null})"));
  EXPECT_TRUE(valid(schema, "{\n  \"b\": null,\n  \"c\": false\n}"));
  EXPECT_FALSE(valid(schema, R"({"b": null, "a": 1})"));
  EXPECT_FALSE(valid(schema, R"({"a": 1})"));
  EXPECT_FALSE(valid(schema, R"({"b": null, "d": 1})"));
  EXPECT_FALSE(valid(schema, R"({"b": null,})"));
  EXPECT_FALSE(valid(schema, "{  \"b\": null}"));
}

TEST(JsonSchema, OtherKeysAreNoneOfTheNamedOnes) {
  const auto schema = R"({"type":"object","properties":{"id":{"type":"integer"},
                          "é":{"type":"integer"}},"additionalProperties":{"type":"null"}})";
  for (const char* key : {"", "i", "ide", "x", "è", "\xc3\xa9\xc3\xa9"}) {
    EXPECT_TRUE(valid(schema, std::string("{\"") + key + "\": null}")) << key;
  }
  EXPECT_TRUE(valid(schema, R"({"id": 1, "é": 2, "x": null, "y": null})"));
  EXPECT_FALSE(valid(schema, R"({"id": null})"));
  EXPECT_FALSE(valid(schema, R"({"é": null})"));
  EXPECT_FALSE(valid(schema, R"({"\u0069d": null})"));
}

TEST(JsonSchema, StringsHaveValidEscapesOnly) {
  const auto schema = R"({"type":"string","minLength":2,"maxLength":3})";
  EXPECT_TRUE(valid(schema, R"("ab")"));
  EXPECT_TRUE(valid(schema, R"("\n\u00e9\ud83d\ude00")"));
  EXPECT_TRUE(valid(schema, R"("😀é")"));
  EXPECT_FALSE(valid(schema, R"("a")"));
  EXPECT_FALSE(valid(schema, R"("abcd")"));
  EXPECT_FALSE(valid(schema, R"("a\ud83d")"));
  EXPECT_FALSE(valid(schema, R"("a\x")"));
}

TEST(JsonSchema, ReferencesAndCombinations) {
  const auto schema = R"({"$defs":{"a/b":{"type":"integer"}},"anyOf":[{"$ref":"#/$defs/a~1b"},
                          {"type":"array","items":{"$ref":"#"}}]})";
  EXPECT_TRUE(valid(schema, "[1, [2, []]]"));
  EXPECT_FALSE(valid(schema, "[true]"));
  const auto both = R"({"allOf":[{"type":"number","minimum":2},{"type":["integer","null"]}],
                        "maximum":4})";
  EXPECT_TRUE(valid(both, "3"));
  EXPECT_FALSE(valid(both, "1"));
  EXPECT_FALSE(valid(both, "2.5"));
  EXPECT_FALSE(valid(both, "5"));
}

TEST(JsonSchema, JsonObject) {
  const Grammar g = json_object_grammar();
  EXPECT_TRUE(test::matches(g, R"({"a": [1, "x", {"b": null}], "c": -1.5e3})"));
  EXPECT_TRUE(test::matches(g, "{}"));
  EXPECT_FALSE(test::matches(g, "[]"));
  EXPECT_FALSE(test::matches(g, R"({"a": 1}})"));
}

TEST(JsonSchema, WhatCanNotBeEnforcedIsRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"not":{}})", "#/'not': can't be enforced"},
      {R"({"if":{},"then":{}})", "#/'if': can't be enforced"},
      {R"({"properties":{"a":{"type":"array","contains":{}}}})",
       "#/properties/a/'contains': can't be enforced"},
      {R"({"dependentRequired":{}})", "'dependentRequired'"},
      {R"({"minLenght":1})", "'minLenght'"},
      {R"({"type":"array","uniqueItems":true})", "#/uniqueItems"},
      {R"({"type":"string","format":"regex"})", "#/format 'regex'"},
      {R"({"type":"number","multipleOf":0.1})", "#/multipleOf"},
      {R"({"type":"integer","multipleOf":7,"maximum":1e6})", "#/multipleOf with these bounds"},
      {R"({"type":"string","pattern":"(?=a)b"})", "#/pattern: '(?=a)b' at 1: look-ahead can't"},
      {R"({"type":"string","pattern":"(a)\\1"})", "#/pattern: '(a)\\1' at 3: \\1 can't"},
      {R"({"type":"string","pattern":"\\bx"})", "can't be enforced"},
      {R"({"type":"string","pattern":"a$b"})", "$ within a pattern can't be enforced"},
      {R"({"type":"string","pattern":"a("})", "expected )"},
      {R"({"type":"string","pattern":"ab","maxLength":5})", "beside this pattern"},
      {R"({"enum":["a"],"minLength":1})", "#/minLength beside enum"},
      {R"({"type":"object","minProperties":2})", "#/minProperties"},
      {R"({"type":"thing"})", "#/type: expected the name of a type, got"},
      {R"({"$ref":"http://x/y"})", "#/$ref: expected a schema of this document"},
      {R"({"$ref":"#/$defs/x"})", "#/$ref: expected a schema of this document"},
      {R"({"type":"array","minItems":3,"maxItems":2})", "#/minItems: expected at most the maximum"},
      {R"({"type":"array","minItems":-1})", "#/minItems: expected an integer of 0"},
      {R"({"type":"array","minItems":1e9})", "#/minItems: expected an integer of 0"},
      {R"({"properties":[]})", "#/properties: expected an object"},
      {R"({"required":[1]})", "#/required: expected an array of strings"},
      {R"({"anyOf":[]})", "#/anyOf: expected an array of schemas"},
      {R"([])", "schema: #: expected an object or a boolean, got an array"},
      {R"({)", "expected JSON"},
      {R"(false)", "no finite text matches"},
      {R"({"enum":[]})", "no finite text matches"},
      {R"({"type":"integer","minimum":3,"maximum":2})", "no finite text matches"},
      {R"({"$ref":"#"})", "no finite text matches"},
      {R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", "begins with itself"},
      {R"({"allOf":[{"$ref":"#"}]})", "without end"},
      {R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})",
       "no finite text matches"},
      {R"({"allOf":[{"pattern":"a"},{"pattern":"b"}]})", "#/pattern: two different values"},
  };
  for (const auto& [schema, message] : cases) {
    EXPECT_NE(refused(schema).find(message), std::string::npos)
        << schema << ": " << refused(schema);
  }
}

TEST(JsonSchema, LargeSchemasAreRefused) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += R"({"items":)";
  EXPECT_NE(refused(deep + "{}" + std::string(100, '}')).find("within each other"),
            std::string::npos);
  EXPECT_NE(refused(R"({"additionalProperties":{},"properties":{")" + std::string(100'000, 'a') +
                    R"(":{}}})")
                .find("names of at most 100 bytes"),
            std::string::npos);
  // Each level refers to the next twice: 2^25 schemas to merge.
  std::string wide = R"({"$ref":"#/$defs/0","type":"object","$defs":{)";
  for (int i = 0; i < 25; ++i) {
    const std::string next = "{\"$ref\":\"#/$defs/" + std::to_string(i + 1) + "\"}";
    wide += "\"" + std::to_string(i) + "\":{\"allOf\":[" + next + "," + next + "]},";
  }
  EXPECT_NE(refused(wide + "\"25\":{}}}").find("too large"), std::string::npos);
  EXPECT_NE(refused(R"({"type":"array","items":{"type":"array","items":{"enum":[)" +
                    std::string(kMaxSourceBytes, ' ') + "]}}}")
                .find("expected at most"),
            std::string::npos);
}

TEST(JsonSchema, IntegerRangesHoldExactlyTheirNumbers) {
  for (const auto& [first, last] :
       {std::pair{-12, 123}, {0, 9}, {7, 7}, {10, 99}, {-5, -2}, {95, 1003}, {-1000, 0}, {3, 2}}) {
    Grammar g;
    g.add_rule("root");
    g.define(0, g.choice({integer_range(g, first, last), g.text("!")}));
    const auto network = std::make_shared<const Network>(*Network::build(g));
    Automaton automaton(network);
    for (int i = -1200; i <= 1200; ++i) {
      Automaton::State state = automaton.start();
      for (const char c : std::to_string(i)) {
        state = automaton.next(state, static_cast<std::uint8_t>(c));
      }
      EXPECT_EQ(automaton.accepts(state), first <= i && i <= last) << i << " " << first << last;
    }
  }
}

TEST(JsonSchema, NumberRangesHoldTheirDecimals) {
  struct Case {
    double low, high;
    bool is_low_exclusive, is_high_exclusive;
  };
  for (const Case& c : {Case{-0.5, 2.75, false, false},
                        {0, 1, true, true},
                        {0, 1, false, false},
                        {-3.25, -1, true, false},
                        {1.5, 1.5, false, false},
                        {-1, 0, false, true},
                        {2, 11, true, true}}) {
    Grammar g;
    g.add_rule("root");
    const auto range = number_range(g, NumberBound{c.low, c.is_low_exclusive},
                                    NumberBound{c.high, c.is_high_exclusive});
    g.define(0, g.choice({range.value(), g.text("!")}));
    Automaton automaton(std::make_shared<const Network>(*Network::build(g)));
    for (int i = -4000; i <= 13000; i += 5) {
      const double value = i / 1000.0;
      const std::string whole = std::to_string(std::abs(i) / 1000);
      std::string decimals = std::to_string(std::abs(i) % 1000);
      decimals.insert(0, 3 - decimals.size(), '0');
      const std::string text = (i < 0 ? "-" : "") + whole + "." + decimals;
      Automaton::State state = automaton.start();
      for (const char ch : text) state = automaton.next(state, static_cast<std::uint8_t>(ch));
      const bool is_in = (c.is_low_exclusive ? value > c.low : value >= c.low) &&
                         (c.is_high_exclusive ? value < c.high : value <= c.high);
      // The highest number itself has no further zeros.
      const bool is_highest = value == c.high || value == c.low;
      if (is_highest && is_in) continue;
      EXPECT_EQ(automaton.accepts(state), is_in) << text << " " << c.low;
    }
  }
}

}  // namespace
}  // namespace slip::grammar
