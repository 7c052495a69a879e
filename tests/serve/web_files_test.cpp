#include "serve/web_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "support/temp_dir.h"

namespace slip {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::filesystem::path kFolder = SLIP_WEB_FOLDER;

std::string_view header(std::string_view name) {
  for (const auto& [key, value] : web_headers()) {
    if (key == name) return value;
  }
  return {};
}

bool is_there(const std::string& name) {
  std::string path = "/";
  path += name;
  return find_web_file(path) != nullptr;
}

TEST(WebFiles, AreTheFilesOfTheFolder) {
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    there.insert(entry.path().filename().string());
  }
  there.erase("headers.txt");
  std::set<std::string> embedded;
  for (const auto& file : web_files()) {
    embedded.emplace(file.path.substr(1));
    EXPECT_EQ(file.content, test::read_file(kFolder / file.path.substr(1))) << file.path;
  }
  EXPECT_EQ(embedded, there);
  EXPECT_TRUE(std::ranges::is_sorted(web_files(), {}, &WebFile::path));
}

TEST(WebFiles, RootIsTheIndex) {
  ASSERT_NE(find_web_file("/"), nullptr);
  EXPECT_EQ(find_web_file("/"), find_web_file("/index.html"));
  EXPECT_EQ(find_web_file("/")->media_type, "text/html; charset=utf-8");
}

TEST(WebFiles, NothingElseIsFound) {
  for (const auto* path : {"", "index.html", "/nothing.js", "/../web/main.js", "/headers.txt",
                           "/main.js/", "//main.js", "/MAIN.JS"}) {
    EXPECT_EQ(find_web_file(path), nullptr) << path;
  }
}

TEST(WebFiles, HaveMediaTypes) {
  EXPECT_EQ(find_web_file("/main.js")->media_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(find_web_file("/base.css")->media_type, "text/css; charset=utf-8");
  EXPECT_EQ(find_web_file("/favicon.svg")->media_type, "image/svg+xml");
}

TEST(WebFiles, EtagsAreQuotedAndDiffer) {
  std::set<std::string_view> seen;
  for (const auto& file : web_files()) {
    EXPECT_THAT(std::string(file.etag), ::testing::MatchesRegex("\"[0-9a-f]{32}\"")) << file.path;
    EXPECT_TRUE(seen.insert(file.etag).second) << file.path;
  }
}

TEST(WebFiles, EtagsMatchAsTheStandardSays) {
  EXPECT_TRUE(matches_etag("\"a\"", "\"a\""));
  EXPECT_TRUE(matches_etag("*", "\"a\""));
  EXPECT_TRUE(matches_etag("\"b\", W/\"a\" ,\"c\"", "\"a\""));
  EXPECT_FALSE(matches_etag("", "\"a\""));
  EXPECT_FALSE(matches_etag("\"b\"", "\"a\""));
  EXPECT_FALSE(matches_etag("a", "\"a\""));
  EXPECT_FALSE(matches_etag(",,", "\"a\""));
}

// What is forbidden below would be blocked in the browser: the page would not work.
TEST(WebFiles, PolicyForbidsForeignOriginsAndInlineScripts) {
  const std::string policy(header("Content-Security-Policy"));
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, HasSubstr("require-trusted-types-for 'script'"));
  for (const auto* word : {"unsafe", "http", "*", "data:", "blob:"}) {
    EXPECT_THAT(policy, Not(HasSubstr(word)));
  }
  EXPECT_EQ(header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header("Cache-Control"), "no-cache");
}

TEST(WebFiles, MarkupLoadsOnlyWhatIsThereAndHasNothingInline) {
  const std::string index(find_web_file("/")->content);
  const std::regex reference("(?:src|href)=\"([^\"#]+)\"");
  int n = 0;
  for (std::sregex_iterator it(index.begin(), index.end(), reference), end; it != end; ++it, ++n) {
    EXPECT_TRUE(is_there((*it)[1])) << (*it)[1];
  }
  EXPECT_GE(n, 6);
  EXPECT_FALSE(
      std::regex_search(index, std::regex("<script(?![^>]* src=)|<style| style=| on[a-z]+=")));
}

TEST(WebFiles, ScriptsImportOnlyWhatIsThere) {
  const std::regex import("from \"\\./([^\"]+)\"");
  for (const auto& file : web_files()) {
    if (!file.path.ends_with(".js")) continue;
    const std::string code(file.content);
    for (std::sregex_iterator it(code.begin(), code.end(), import), end; it != end; ++it) {
      EXPECT_TRUE(is_there((*it)[1])) << file.path << ": " << (*it)[1];
    }
  }
}

}  // namespace
}  // namespace slip
