// Header fields, URLs, request targets and query strings.
#include "net/url.h"

#include <gtest/gtest.h>

#include "net/headers.h"

namespace slip {
namespace {

TEST(Headers, NamesHaveNoCase) {
  Headers headers{{"Content-Type", "a"}, {"X-One", "1"}};
  headers.add("content-type", "b");
  EXPECT_EQ(*headers.find("CONTENT-TYPE"), "a");
  EXPECT_EQ(headers.count("Content-type"), 2U);
  headers.set("Content-Type", "c");
  EXPECT_EQ(headers.count("content-type"), 1U);
  EXPECT_EQ(*headers.find("content-type"), "c");
  EXPECT_EQ(headers.find("X-Two"), nullptr);
}

TEST(Headers, TokensOfLists) {
  const Headers headers{{"Accept", "text/html, text/event-stream ,*/*"}, {"accept", "x"}};
  EXPECT_TRUE(headers.has_token("Accept", "text/event-stream"));
  EXPECT_TRUE(headers.has_token("Accept", "X"));
  EXPECT_FALSE(headers.has_token("Accept", "text"));
  EXPECT_FALSE(headers.has_token("Allow", "x"));
}

TEST(Headers, NoValueBeginsALine) {
  std::string out;
  Headers{{"X-Model", "a\r\nSet-Cookie: b"}}.append_to(out);
  EXPECT_EQ(out, "X-Model: a  Set-Cookie: b\r\n");
}

TEST(PercentDecode, GoodAndBad) {
  EXPECT_EQ(*percent_decode("a%20b%2Fc+%c3%A9"), "a b/c+\xc3\xa9");
  EXPECT_EQ(*percent_decode("%41"), "A");
  for (const char* bad : {"%", "%4", "a%4", "%zz", "%g1", "%00", "%%41"}) {
    EXPECT_FALSE(percent_decode(bad)) << bad;
  }
}

TEST(SplitTarget, AllForms) {
  EXPECT_EQ(split_target("/a/b?c=d?e").path, "/a/b");
  EXPECT_EQ(split_target("/a/b?c=d?e").query, "c=d?e");
  EXPECT_EQ(split_target("/a?").query, "");
  EXPECT_EQ(split_target("http://host:80/a?b").path, "/a");
  EXPECT_EQ(split_target("http://host").path, "/");
  EXPECT_EQ(split_target("http://host?b").path, "/");
  EXPECT_EQ(split_target("http://host?b").query, "b");
  EXPECT_EQ(split_target("/a?u=http://x/y").path, "/a");
  EXPECT_EQ(split_target("*").path, "*");
}

TEST(ParseQuery, Pairs) {
  const auto pairs = parse_query("a=1&b=x+y%26&&c&d=&=e&a=2");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (QueryParameters{
                        {"a", "1"}, {"b", "x y&"}, {"c", ""}, {"d", ""}, {"", "e"}, {"a", "2"}}));
  EXPECT_TRUE(parse_query("")->empty());
  EXPECT_FALSE(parse_query("a=%"));
  std::string many;
  for (int i = 0; i < 1001; ++i) many += "a&";
  EXPECT_EQ(parse_query(many).error().kind, ErrorKind::kLimit);
}

TEST(ParseUrl, Good) {
  const auto plain = parse_url("http://localhost:8080/v1?x#y");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->is_tls);
  EXPECT_EQ(plain->host, "localhost");
  EXPECT_EQ(plain->port, 8080);
  EXPECT_EQ(plain->path, "/v1?x");
  EXPECT_EQ(plain->authority(), "localhost:8080");
  const auto secure = parse_url("HTTPS://[::1]");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->is_tls);
  EXPECT_EQ(secure->host, "::1");
  EXPECT_EQ(secure->port, 443);
  EXPECT_EQ(secure->path, "");
  EXPECT_EQ(secure->authority(), "[::1]");
  EXPECT_EQ(parse_url("http://[::1]:81?a")->authority(), "[::1]:81");
  EXPECT_EQ(parse_url("http://a?b")->path, "/?b");
}

TEST(ParseUrl, Bad) {
  for (const char* bad : {"", "localhost:8080", "ftp://a", "http://", "http:///a", "http://a:",
                          "http://a:0", "http://a:65536", "http://a:8x", "http://u@a", "http://a b",
                          "http://[::1", "http://[::1]8", "http://[]", "http://a\r\nb", "://a"}) {
    EXPECT_FALSE(parse_url(bad)) << bad;
  }
}

}  // namespace
}  // namespace slip
