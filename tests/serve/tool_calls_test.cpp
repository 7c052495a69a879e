// Calls of functions in models' texts, whole and character by character.
#include "serve/tool_calls.h"

#include <gtest/gtest.h>

namespace slip {
namespace {

struct Call {
  std::string name, arguments;
  bool operator==(const Call&) const = default;
};
struct Parsed {
  std::string text;
  std::vector<Call> calls;
  bool operator==(const Parsed&) const = default;
};
void PrintTo(const Parsed& parsed, std::ostream* out) {
  *out << '"' << parsed.text << '"';
  for (const Call& call : parsed.calls) *out << ' ' << call.name << '(' << call.arguments << ')';
}

using Calls = ToolCallParser::Calls;

struct Options {
  std::size_t n_step = 1;  // characters that come together
  Calls calls = Calls::kMany;
};

Parsed parse(ToolFormat format, std::string_view text, const Options& options) {
  ToolCallParser parser(format, options.calls);
  Parsed parsed;
  const auto take = [&](const std::vector<ToolEvent>& events) {
    for (const ToolEvent& event : events) {
      if (event.kind == ToolEvent::Kind::kText) {
        parsed.text += event.text;
      } else if (event.kind == ToolEvent::Kind::kCall) {
        EXPECT_EQ(event.call, parsed.calls.size());
        parsed.calls.push_back({event.name, event.text});
      } else {
        EXPECT_EQ(event.call + 1, parsed.calls.size());
        parsed.calls.back().arguments += event.text;
      }
    }
  };
  for (std::size_t i = 0; i < text.size(); i += options.n_step) {
    take(parser.push(text.substr(i, options.n_step)));
  }
  take(parser.finish());
  return parsed;
}

struct Case {
  ToolFormat format;
  std::string text;
  Parsed parsed;
};

const std::vector<Case> kCases{
    {ToolFormat::kHermes, "Just text, a < b.", {"Just text, a < b.", {}}},
    {ToolFormat::kHermes,
     R"(<tool_call>
{"name": "f", "arguments": {"x": "}\"", "y": [1, {}]}}
</tool_call>)",
     {"", {{"f", R"({"x": "}\"", "y": [1, {}]})"}}}},
    {ToolFormat::kHermes,
     R"(I look.
<tool_call>
{"name": "f", "arguments": {}}
</tool_call>
<tool_call>
{"arguments": {"a": 1}, "name": "g"}
</tool_call>
)",
     {"I look.", {{"f", "{}"}, {"g", R"({"a": 1})"}}}},
    {ToolFormat::kHermes, "a <tool_cal", {"a <tool_cal", {}}},
    {ToolFormat::kHermes, R"(<tool_call>{"name": 3})", {R"({"name": 3})", {}}},
    {ToolFormat::kLlama3,
     R"({"name": "f", "parameters": {"a": "b"}})",
     {"", {{"f", R"({"a": "b"})"}}}},
    {ToolFormat::kLlama3,
     R"(<|python_tag|>{"name": "f", "parameters": {}}; {"name": "g", "parameters": {}})",
     {"", {{"f", "{}"}, {"g", "{}"}}}},
    {ToolFormat::kLlama3, "Braces {like these}", {"Braces {like these}", {}}},
    {ToolFormat::kLlama3, "{not JSON", {"{not JSON", {}}},
    {ToolFormat::kMistral,
     R"([TOOL_CALLS][{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}])",
     {"", {{"f", R"({"a": 1})"}, {"g", "{}"}}}},
    {ToolFormat::kMistral, "A list: [1, 2]", {"A list: [1, 2]", {}}},
};

TEST(ToolCalls, AreFoundInAnyPieces) {
  for (const Case& c : kCases) {
    for (const std::size_t n_step : {std::size_t{1}, std::size_t{7}, c.text.size()}) {
      EXPECT_EQ(parse(c.format, c.text, {.n_step = n_step}), c.parsed)
          << c.text << " in steps of " << n_step;
    }
  }
}

TEST(ToolCalls, OneIsEnoughWhenNoMoreAreWanted) {
  const std::string text = R"({"name": "f", "parameters": {}}; {"name": "g", "parameters": {}})";
  EXPECT_EQ(parse(ToolFormat::kLlama3, text, {.calls = Calls::kOne}), (Parsed{"", {{"f", "{}"}}}));
}

TEST(ToolCalls, ArgumentsComeWhileTheyAreWritten) {
  ToolCallParser parser(ToolFormat::kHermes, Calls::kMany);
  auto events = parser.push(R"(<tool_call>{"name": "f", "arguments": {"text": "abc)");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].name, "f");
  EXPECT_EQ(events[0].text, R"({"text": "abc)");
  events = parser.push("def");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, ToolEvent::Kind::kArguments);
  EXPECT_EQ(events[0].text, "def");
}

TEST(ToolCalls, DeepNestingEndsTheCall) {
  const std::string text = R"({"name": "f", "parameters": )" + std::string(100'000, '[');
  const Parsed parsed = parse(ToolFormat::kLlama3, text, {.n_step = 4096});
  ASSERT_EQ(parsed.calls.size(), 1u);
  EXPECT_LT(parsed.calls[0].arguments.size(), 100u);
}

TEST(ToolCalls, FormatFollowsFromTheTemplate) {
  EXPECT_EQ(tool_format("{{ messages }}"), std::nullopt);
  EXPECT_EQ(tool_format("{% if tools %}<tool_call>"), ToolFormat::kHermes);
  EXPECT_EQ(tool_format("{% if tools %}[AVAILABLE_TOOLS]"), ToolFormat::kMistral);
  EXPECT_EQ(tool_format("{% if tools %}<|python_tag|>"), ToolFormat::kLlama3);
}

}  // namespace
}  // namespace slip
