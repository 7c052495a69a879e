// Renders what tools/make-template-goldens.py rendered with jinja2, and compares.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "text/template/json_value.h"
#include "text/template/template.h"

namespace slip::tmpl {
namespace {

namespace json = boost::json;

// The moment that the goldens were made at: 26 July 2024, 13:05:09, a Friday.
std::tm golden_time() {
  std::tm time{};
  time.tm_year = 124;
  time.tm_mon = 6;
  time.tm_mday = 26;
  time.tm_hour = 13;
  time.tm_min = 5;
  time.tm_sec = 9;
  time.tm_wday = 5;
  time.tm_yday = 207;
  return time;
}

Result<std::string> render(const std::string& source, const Value& context) {
  const auto parsed = Template::parse(source);
  if (!parsed) return tl::unexpected(parsed.error());
  RenderOptions options;
  options.now = golden_time();
  return parsed->render(context, options);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

json::value read_json(const std::string& path) {
  json::parse_options options;
  options.max_depth = 256;
  return json::parse(read_file(path), {}, options);
}

// The template of that name in the golden file, or in the folder of models' templates.
std::string source_of(const json::value& golden, const std::string& name) {
  const json::value* source = golden.at("sources").as_object().if_contains(name);
  if (source != nullptr) return std::string(source->as_string());
  return read_file(std::string(SLIP_TEST_DATA) + "/templates/models/" + name + ".jinja");
}

// A file holds {"sources": {name: text}, "contexts": {name: object}, "cases": [[source, context,
// output or null for an error], …]}.
void check_file(const std::string& path) {
  const json::value golden = read_json(path);
  std::size_t n_failures = 0;
  for (const json::value& entry : golden.at("cases").as_array()) {
    const std::string source_name(entry.at(0).as_string());
    const std::string context_name(entry.at(1).as_string());
    const std::string source = source_of(golden, source_name);
    const Value context = to_value(golden.at("contexts").at(context_name));
    const auto text = render(source, context);
    const bool same = entry.at(2).is_null()
                          ? !text.has_value()
                          : text.has_value() && *text == std::string(entry.at(2).as_string());
    if (same) continue;
    if (++n_failures > 40) continue;
    ADD_FAILURE() << "template " << source_name << " with " << context_name << "\n"
                  << (source.size() < 1000 ? source : "") << "\nexpected: "
                  << (entry.at(2).is_null() ? "an error" : entry.at(2).as_string().c_str())
                  << "\ngot:      " << (text ? *text : "error: " + text.error().message);
  }
  EXPECT_EQ(n_failures, 0u) << "of " << golden.at("cases").as_array().size() << " in " << path;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, RendersAsJinja2Does) {
  check_file(GetParam());
}

// The files of the tree, and one of templates that aren't ours to hand on (published_test.py).
std::vector<std::string> golden_files() {
  std::vector<std::string> files;
  for (const char* name : {"features", "random", "chat"}) {
    files.push_back(std::string(SLIP_TEST_DATA) + "/templates/" + name + ".json");
  }
  const char* more = std::getenv("SLIPSTREAM_TEMPLATE_GOLDENS");
  if (more != nullptr) files.emplace_back(more);
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_files()), [](const auto& param) {
  return std::filesystem::path(param.param).stem().string();
});

}  // namespace
}  // namespace slip::tmpl
