// Routes, errors of routing, cross-origin requests and API keys, without a server.
#include "net/router.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "net/api_keys.h"
#include "net/cors.h"
#include "net/exchange.h"
#include "net/server.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

// What a request gets: the status, and the body or the Allow header.
struct Answer {
  int status = 0;
  std::string body;
  Headers headers;
};

Answer ask(const std::function<void(HttpRequest, ResponseWriter)>& handler, HttpRequest request) {
  auto exchange = std::make_shared<Exchange>(
      Exchange::Options{.max_queued_bytes = 1000,
                        .is_head = false,
                        .target = {},
                        .error_body = std::make_shared<const ErrorBody>(plain_error_body),
                        .wake = [] {}});
  handler(std::move(request), ResponseWriter(exchange));
  auto output = exchange->take();
  return {.status = output.head ? output.head->status : 0,
          .body = output.body,
          .headers = output.head ? output.head->headers : Headers{}};
}

class Routes : public ::testing::Test {
 protected:
  Routes() {
    add("GET", "/v1/models", "list");
    add("GET", "/v1/models/{id*}", "one");
    add("GET", "/v2/models/{name}", "model");
    add("POST", "/v2/models/{name}/infer", "infer");
    add("POST", "/v2/models/{name}/versions/{v}/infer", "version");
    add("GET", "/v2/models/stats", "stats");
    add("GET", "/v2/models/stats/{x}/deep", "deep");
    add("DELETE", "/", "root");
  }
  void add(std::string_view method, std::string_view pattern, std::string name) {
    router_.add(method, pattern, [name](const HttpRequest& request, ResponseWriter writer) {
      std::string body = name;
      for (const auto& [key, value] : request.parameters) body += " " + key + "=" + value;
      writer.respond(200, {"text/plain", body});
    });
  }
  Answer ask_for(std::string method, std::string target) {
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    return ask(
        [this](HttpRequest r, ResponseWriter w) { router_.handle(std::move(r), std::move(w)); },
        std::move(request));
  }
  std::string body_of(std::string method, std::string target) {
    const Answer answer = ask_for(std::move(method), std::move(target));
    return answer.status == 200 ? answer.body : std::to_string(answer.status);
  }

  Router router_;
};

TEST_F(Routes, FindsTheBestPattern) {
  EXPECT_EQ(body_of("GET", "/v1/models"), "list");
  EXPECT_EQ(body_of("GET", "/v1/models?limit=1"), "list");
  EXPECT_EQ(body_of("GET", "http://host/v1/models"), "list");
  EXPECT_EQ(body_of("GET", "/v1/models/org/name"), "one id=org/name");
  EXPECT_EQ(body_of("GET", "/v1/models/org%2Fname"), "one id=org/name");
  EXPECT_EQ(body_of("GET", "/v2/models/a%20b"), "model name=a b");
  EXPECT_EQ(body_of("GET", "/v2/models/stats"), "stats");
  EXPECT_EQ(body_of("GET", "/v2/models/stats/1/deep"), "deep x=1");
  EXPECT_EQ(body_of("POST", "/v2/models/stats/infer"), "infer name=stats");  // not of `stats/{x}`
  EXPECT_EQ(body_of("POST", "/v2/models/m/versions/3/infer"), "version name=m v=3");
  EXPECT_EQ(body_of("DELETE", "/"), "root");
}

TEST_F(Routes, SaysWhatIsNotThere) {
  for (const char* path : {"/v1", "/v1/models/", "/V1/models", "/v2/models//infer", "//", "*", "",
                           "/v2/models/m/infer/", "v1/models", "/v2/models/m/versions/infer"}) {
    EXPECT_EQ(ask_for("GET", path).status, 404) << path;
  }
  EXPECT_EQ(ask_for("GET", "/v2/models/%zz").status, 400);
  const Answer wrong = ask_for("PUT", "/v1/models");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(*wrong.headers.find("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(*ask_for("GET", "/v2/models/m/infer").headers.find("Allow"), "POST, OPTIONS");
}

TEST_F(Routes, HeadAndOptions) {
  EXPECT_EQ(body_of("HEAD", "/v1/models"), "list");
  EXPECT_EQ(ask_for("HEAD", "/v2/models/m/infer").status, 405);
  const Answer options = ask_for("OPTIONS", "/v1/models");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(*options.headers.find("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(ask_for("OPTIONS", "/none").status, 404);
}

TEST_F(Routes, ARouteIsAddedOnce) {
  EXPECT_THROW(add("GET", "/v1/models", "again"), BrokenInvariant);
  EXPECT_THROW(add("GET", "relative", ""), BrokenInvariant);
  EXPECT_THROW(add("GET", "/a/{", ""), BrokenInvariant);
  EXPECT_THROW(add("GET", "/a/{rest*}/b", ""), BrokenInvariant);
}

TEST(Cors, AddsFieldsAndAnswersPreflights) {
  const auto handler = [](const HttpRequest& request, ResponseWriter writer) {
    if (answer_cors("https://chat.example", request, writer)) return;
    writer.respond(200, {"text/plain", "hello"});
  };
  HttpRequest request;
  request.method = "POST";
  EXPECT_EQ(ask(handler, request).headers.find("Access-Control-Allow-Origin"), nullptr);
  request.headers = {{"Origin", "https://chat.example"}};
  Answer answer = ask(handler, request);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(*answer.headers.find("Access-Control-Allow-Origin"), "https://chat.example");
  EXPECT_EQ(*answer.headers.find("Vary"), "Origin");
  request.method = "OPTIONS";
  request.headers.add("Access-Control-Request-Method", "POST");
  request.headers.add("Access-Control-Request-Headers", "authorization");
  answer = ask(handler, request);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(*answer.headers.find("Access-Control-Allow-Methods"), "POST");
  EXPECT_EQ(*answer.headers.find("Access-Control-Allow-Headers"), "authorization");
}

TEST(ApiKeys, OfAFile) {
  const test::TempDir folder;
  const auto keys = ApiKeys::load(folder.write("keys", "# ours\n\n  sk-one \r\nsk-two"));
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_TRUE(keys->allows_authorization("Bearer sk-one"));
  EXPECT_TRUE(keys->allows_authorization("bearer   sk-two"));
  EXPECT_EQ(keys->find_authorization("Bearer sk-one"), 0u);
  EXPECT_EQ(keys->find_authorization("Bearer sk-two"), 1u);
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer sk-on", "Bearer sk-one1",
                          "Bearer SK-ONE", "Basic sk-one", "sk-one", "Bearer # ours"}) {
    EXPECT_FALSE(keys->allows_authorization(bad)) << bad;
  }
  EXPECT_FALSE(ApiKeys{}.allows(""));
}

TEST(ApiKeys, BadFiles) {
  const test::TempDir folder;
  EXPECT_EQ(ApiKeys::load(folder / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(ApiKeys::load(folder.write("empty", "")));
  EXPECT_FALSE(ApiKeys::load(folder.write("comments", "# a\n")));
  const auto bad = ApiKeys::load(folder.write("bad", "good\nsecret key\n"));
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("line 2"), std::string::npos);
  EXPECT_EQ(bad.error().message.find("secret"), std::string::npos);
  EXPECT_FALSE(ApiKeys::load(folder.write("long", std::string(1025, 'x'))));
  EXPECT_FALSE(ApiKeys::load(folder.write("binary", std::string("\0\xff", 2))));
}

}  // namespace
}  // namespace slip
