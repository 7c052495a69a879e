#include "text/template/template.h"

#include <gtest/gtest.h>

namespace slip::tmpl {
namespace {

std::string render(const std::string& source, const Value& context = Value::dict({})) {
  const auto parsed = Template::parse(source);
  if (!parsed) return "parse error: " + parsed.error().message;
  const auto text = parsed->render(context);
  return text ? *text : "error: " + text.error().message;
}

TEST(Template, PrintsVariables) {
  EXPECT_EQ(render("Hello {{ name }}!", Value::dict({{"name", "World"}})), "Hello World!");
}

}  // namespace
}  // namespace slip::tmpl
