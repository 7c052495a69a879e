#include "text/template/template.h"

#include <gtest/gtest.h>

#include <thread>

namespace slip::tmpl {
namespace {

Result<std::string> try_render(const std::string& source, const Value& context = Value::dict({}),
                               const RenderOptions& options = {}) {
  const auto parsed = Template::parse(source);
  if (!parsed) return tl::unexpected(parsed.error());
  return parsed->render(context, options);
}

std::string error_of(const std::string& source) {
  const auto text = try_render(source);
  return text ? "no error: " + *text : text.error().message;
}

TEST(Template, ErrorsNameTheLineAndTheReason) {
  EXPECT_EQ(error_of("a\n{% if x %}\n{{ 1 + }}"),
            "template line 3: expected an expression, got '}}'");
  EXPECT_EQ(error_of("a\n{% if x %}\nb"),
            "template line 3: expected elif or else or endif, got end of template");
  EXPECT_EQ(error_of("\n{% fi %}"), "template line 2: unknown tag 'fi'");
  EXPECT_EQ(error_of("\n\n{{ 'a' | nope }}"), "template line 3: unknown filter 'nope'");
  EXPECT_EQ(error_of("{{ 1 is nope }}"), "template line 1: unknown test 'nope'");
  EXPECT_EQ(error_of("a\n{{ 'b }}"), "template line 2: string: missing end quote");
  EXPECT_EQ(error_of("{{ (1 }}"), "template line 1: expected ')', got '}'");
  EXPECT_EQ(error_of("{{ 99999999999999999999 }}"),
            "template line 1: integer 99999999999999999999 is out of range");
  EXPECT_EQ(error_of("{% extends 'x' %}"), "template line 1: tag 'extends' is not supported");
  EXPECT_EQ(error_of("{% for x in [] recursive %}{% endfor %}"),
            "template line 1: recursive loops are not supported");
}

TEST(Template, RunTimeErrorsNameTheInnermostLine) {
  EXPECT_EQ(error_of("\n{{ raise_exception('Roles must alternate') }}"),
            "template line 2: Roles must alternate");
  EXPECT_EQ(error_of("{% macro f(x) %}\n{{ x.y.z }}\n{% endmacro %}\n\n{{ f({}) }}"),
            "template line 2: 'dict object' has no attribute 'y'");
  EXPECT_EQ(error_of("{{ who.name }}"), "template line 1: 'who' is undefined");
  EXPECT_EQ(error_of("{{ 'a' + 1 }}"),
            "template line 1: operator +: unsupported operand types 'str' and 'int'");
  EXPECT_EQ(error_of("{{ [].append(1) }}"),
            "template line 1: access to attribute 'append' of 'list' object is unsafe");
  EXPECT_EQ(error_of("{{ 9223372036854775807 + 1 }}"), "template line 1: integer overflow");
  EXPECT_EQ(error_of("{{ 'x'.center(3, 'ab') }}"),
            "template line 1: the fill character must be exactly one character");
}

TEST(Template, UnsupportedIsItsOwnKind) {
  EXPECT_EQ(try_render("{% include 'x' %}").error().kind, ErrorKind::kUnsupported);
}

TEST(Template, StrftimeNowSeesTheGivenTime) {
  RenderOptions options;
  options.now = std::tm{};
  options.now->tm_year = 100;
  options.now->tm_mday = 29;
  options.now->tm_mon = 1;
  EXPECT_EQ(try_render("{{ strftime_now('%Y-%m-%d') }}", Value::dict({}), options).value(),
            "2000-02-29");
  EXPECT_EQ(try_render("{{ strftime_now('%Y')|int > 2000 }}").value(), "True");
}

TEST(Template, OneTemplateRendersOnManyThreads) {
  const auto parsed = Template::parse(
      "{% macro f(x) %}{{ x }}{% endmacro %}{% set ns = namespace(n=0) %}"
      "{% for i in items %}{% set ns.n = ns.n + i %}{{ f(i) }},{% endfor %}{{ ns.n }}");
  ASSERT_TRUE(parsed.has_value());
  const Value context = Value::dict({{"items", Value::list({Value(1), Value(2), Value(3)})}});
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string& text : texts) {
    threads.emplace_back([&parsed, &context, &text] {
      for (int i = 0; i < 50; ++i) text = parsed->render(context).value_or("error");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_EQ(text, "1,2,3,6");
}

// Bytes that aren't UTF-8 pass through, and count as a character each.
TEST(Template, ToleratesMalformedUtf8) {
  const Value context = Value::dict({{"s", Value("a\xff\xc3"
                                                 "b")}});
  EXPECT_EQ(try_render("{{ s }}{{ s|length }}{{ s[1:3] }}{{ s|upper }}", context).value(),
            "a\xff\xc3"
            "b4\xff\xc3"
            "A\xff\xc3"
            "B");
}

// ---- Hostile templates end with an error, soon and within bounds ----

class Hostile : public testing::TestWithParam<const char*> {};

TEST_P(Hostile, EndsWithAnError) {
  RenderOptions options;
  options.limits.max_steps = 300'000;
  options.limits.max_bytes = 8 << 20;
  options.limits.max_output_bytes = 1 << 20;
  const auto text = try_render(GetParam(), Value::dict({{"s", Value("abc")}}), options);
  EXPECT_FALSE(text.has_value()) << "got " << text->size() << " bytes";
}

INSTANTIATE_TEST_SUITE_P(
    Templates, Hostile,
    testing::Values(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}"
        "{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
        "{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
        "{% endfor %}{{ ns.x == ns.x }}{{ ns.x|tojson }}",
        "{% set ns = namespace(x=(1,)) %}{% for a in range(99) %}{% set ns.x = (ns.x, ns.x) %}"
        "{% endfor %}{{ {ns.x: 1} }}",
        "{% set ns = namespace(x=[]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}"
        "{% endfor %}",
        "{% set ns = namespace(x={}) %}{% for a in range(9999) %}{% set ns.x = {'a': ns.x} %}"
        "{% endfor %}",
        "{% set ns = namespace(x=s) %}{% for a in range(9999) %}"
        "{% set ns.x = [ns.x].index %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% for i in [1] %}{% if true %}{{ f() ~ '' }}{% endif %}{% endfor %}"
        "{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ caller() }}{% endmacro %}{% set ns = namespace() %}"
        "{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}",
        "{{ 'x' * 99999999999 }}", "{{ [1] * 99999999999 }}", "{{ 'x'.center(9999999999) }}",
        "{{ 'x'.ljust(9999999999) }}", "{{ 'x'.zfill(9999999999) }}", "{{ '%99999999d' % 1 }}",
        "{{ '%.99999999f' % 1 }}", "{{ '{:99999999}'.format(1) }}",
        "{{ '{:.99999999f}'.format(1.0) }}", "{{ 'x'|indent(9999999999, true) }}",
        "{{ 'a\tb'.expandtabs(9999999999) * 9 }}", "{{ [1]|batch(9999999999, 0)|list }}",
        "{{ [1]|slice(9999999999)|list }}", "{{ [[1]]|tojson(indent=9999999999) }}",
        "{{ range(99999999999) }}", "{{ 2 ** 99999999 }}", "{{ s|center(9999999999) }}",
        "{{ ('x' * 99999)|replace('x', 'y' * 9999) }}",
        "{{ (['x' * 99999] * 999)|join('x' * 999) }}", "{{ ('{0}' * 9999).format('x' * 9999) }}",
        "{{ ('%s' * 999) % (('x' * 99999,) * 999) }}",
        "{% for i in range(99999) %}{{ ('x' * 9999).find('y') }}{{ 'y' in 'x' * 9999 }}"
        "{% endfor %}",
        "{% set ns = namespace() %}{% for i in range(99999) %}{% macro m() %}{% endmacro %}"
        "{% set ns.m = m %}{% endfor %}",
        "{{ raise_exception('x' * 99999999999) }}"));

TEST(Template, DeepNestingInTheSourceIsAnError) {
  const auto repeat = [](std::string_view part, int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += part;
    return text;
  };
  constexpr int kMany = 50'000;
  for (const std::string& source : {
           "{{ " + repeat("(", kMany),
           "{{ " + repeat("[", kMany),
           "{{ " + repeat("{1:", kMany),
           "{{ " + repeat("-", kMany) + "1 }}",
           "{{ " + repeat("not ", kMany) + "1 }}",
           "{{ 1" + repeat("+1", kMany) + " }}",
           "{{ 1" + repeat(" and 1", kMany) + " }}",
           "{{ 1" + repeat("|abs", kMany) + " }}",
           "{{ a" + repeat(".b", kMany) + " }}",
           "{{ a" + repeat("[0]", kMany) + " }}",
           "{{ a" + repeat("()", kMany) + " }}",
           "{{ 1" + repeat(" if 1 else 1", kMany) + " }}",
           "{{ 1" + repeat(" if 1", kMany) + " }}",
           "{% set " + repeat("(", kMany),
           repeat("{% if 1 %}", kMany),
           repeat("{% for a in b %}", kMany),
       }) {
    EXPECT_FALSE(Template::parse(source).has_value()) << source.substr(0, 20);
  }
  // Flat repetition is fine.
  EXPECT_TRUE(Template::parse("{{ 1" + repeat("~1", kMany) + " }}").has_value());
  EXPECT_TRUE(Template::parse("{{ [1" + repeat(",1", kMany) + "] }}").has_value());
  EXPECT_TRUE(Template::parse("{% if 0 %}" + repeat("{% elif 0 %}", kMany) + "{% endif %}"));
  EXPECT_FALSE(Template::parse(std::string(2 << 20, 'x')).has_value());
}

TEST(Template, DeepValuesAreRefused) {
  Value value = Value::list({});
  for (int i = 0; i < 1000; ++i) value = Value::list({value});
  EXPECT_FALSE(try_render("", Value::dict({{"x", value}})).has_value());
}

// Everything that can refer to itself: must neither leak nor crash.
TEST(Template, CyclesEndWithTheRender) {
  EXPECT_EQ(try_render("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self is defined }}")
                .value(),
            "True");
  EXPECT_EQ(try_render("{% set ns = namespace() %}{% macro f() %}{{ ns.f is callable }}"
                       "{% endmacro %}{% set ns.f = f %}{{ ns.f() }}")
                .value(),
            "True");
  EXPECT_EQ(try_render("{% for i in [1] %}{{ loop.changed(loop) }}{% endfor %}").value(), "True");
  EXPECT_EQ(try_render("{% set ns = namespace() %}{% set ns.c = cycler(ns) %}"
                       "{% set ns.j = joiner(ns) %}{% for i in [1, 2] %}{% set ns.l = loop %}"
                       "{% set ns.x = loop.cycle %}{% endfor %}{{ ns.l.index }}")
                .value(),
            "2");
}

}  // namespace
}  // namespace slip::tmpl
