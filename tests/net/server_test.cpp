// A server and whoever talks to it: what goes right.
#include "net/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "base/os/clock.h"
#include "net/net_support.h"
#include "net/router.h"

namespace slip::test {
namespace {

// "METHOD target body" back.
void echo(const HttpRequest& request, ResponseWriter writer) {
  writer.respond(200, {"text/plain", request.method + " " + request.target + " " + request.body});
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size())) {
    ++n;
  }
  return n;
}

TEST(Server, AnswersAndKeepsTheConnection) {
  const auto server = start_server(echo);
  RawSocket client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    const std::string answer = client.receive_until("POST /a hello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
    EXPECT_NE(answer.find(" GMT\r\n"), std::string::npos);
    EXPECT_NE(answer.find("Content-Length: 13\r\n"), std::string::npos);
    EXPECT_NE(answer.find("X-Request-Id: "), std::string::npos);
  }
  EXPECT_EQ(server->n_connections(), 1U);
}

TEST(Server, AHundredPipelinedRequests) {
  const auto server = start_server(echo);
  RawSocket client(server->port());
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get_request(fmt::format("/{}", i));
  client.send(requests);
  const std::string answers = client.receive_until("GET /99 ");
  EXPECT_EQ(count_of(answers, "HTTP/1.1 200 OK"), 100U);
  EXPECT_LT(answers.find("GET /10 "), answers.find("GET /11 "));
}

TEST(Server, EndsConnectionsAsAsked) {
  const auto server = start_server(echo);
  RawSocket closing(server->port());
  closing.send(get_request("/", "Connection: close\r\n"));
  EXPECT_NE(closing.receive_all().find("Connection: close\r\n"), std::string::npos);
  RawSocket old(server->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_NE(old.receive_all().find("Connection: close\r\n"), std::string::npos);
  RawSocket old_kept(server->port());
  for (int i = 0; i < 2; ++i) {
    old_kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(old_kept.receive_until("GET / ").find("Connection: keep-alive\r\n"),
              std::string::npos);
  }
}

TEST(Server, HeadHasNoBody) {
  const auto server = start_server(echo);
  RawSocket client(server->port());
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + get_request("/next"));
  const std::string answers = client.receive_until("GET /next ");
  EXPECT_NE(answers.find("Content-Length: 7\r\n"), std::string::npos);
  EXPECT_EQ(answers.find("HEAD /"), std::string::npos);
}

TEST(Server, AHeadOfAStreamEndsBehindTheHeader) {
  std::atomic<int> n_gone = 0;
  const auto server = start_server([&n_gone](const HttpRequest&, ResponseWriter writer) {
    writer.start_events();
    if (writer.send("data: x\n\n") == SendStatus::kGone) ++n_gone;
    writer.finish();
  });
  RawSocket client(server->port());
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = client.receive_all();
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  EXPECT_EQ(n_gone, 1);
}

TEST(Server, SomeStatusesHaveNoBody) {
  const auto server = start_server([](const HttpRequest& request, ResponseWriter writer) {
    writer.respond(request.target == "/304" ? 304 : 204, {"text/plain", "nobody reads this"});
  });
  RawSocket client(server->port());
  client.send(get_request("/204") + get_request("/304", "Connection: close\r\n"));
  const std::string answers = client.receive_all();
  EXPECT_EQ(count_of(answers, "HTTP/1.1 "), 2U);
  EXPECT_EQ(answers.find("nobody"), std::string::npos);
  EXPECT_EQ(answers.find("Content-Length"), std::string::npos);
}

TEST(Server, SaysContinueToThoseWhoWait) {
  const auto server = start_server(echo);
  RawSocket client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  EXPECT_NE(client.receive_until("POST / hi").find("200 OK"), std::string::npos);
}

TEST(Server, TellsWhoAskedAndWhen) {
  HttpRequest seen;
  const std::int64_t before_ns = now_ns();
  const auto server = start_server([&seen](HttpRequest request, const ResponseWriter& writer) {
    seen = std::move(request);
    ResponseWriter(writer).respond(204, {});
  });
  const auto answer =
      fetch(url_of(*server), {.target = "/", .headers = {{"x-request-id", "me.1"}}}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 204);
  EXPECT_EQ(*answer->headers.find("X-Request-Id"), "me.1");
  EXPECT_EQ(seen.id, "me.1");
  EXPECT_TRUE(seen.peer.starts_with("127.0.0.1:")) << seen.peer;
  EXPECT_GE(seen.received_ns, before_ns);
  EXPECT_LE(seen.received_ns, now_ns());
}

TEST(Server, MakesUpIdsForThoseWithout) {
  const auto server = start_server(echo);
  std::set<std::string> ids;
  for (const Headers& headers :
       {Headers{}, Headers{}, Headers{{"X-Request-Id", "two words"}},
        Headers{{"X-Request-Id", std::string(200, 'x')}}, Headers{{"X-Request-Id", ""}}}) {
    const auto answer = fetch(url_of(*server), {.target = "/", .headers = headers}, {});
    ASSERT_TRUE(answer);
    const std::string id = *answer->headers.find("X-Request-Id");
    EXPECT_EQ(id.size(), 24U);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 5U);
}

TEST(Server, ABodyOfManyMegabytesBothWays) {
  const auto server = start_server([](HttpRequest request, ResponseWriter writer) {
    writer.respond(200, {"application/octet-stream", std::move(request.body)});
  });
  std::string body(20 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 4097) body[i] = static_cast<char>(i);
  const auto answer = fetch(url_of(*server), {.target = "/", .body = body}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, body);
}

TEST(Server, AnswersFromAnotherThread) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  const auto server = start_server([&](const HttpRequest&, ResponseWriter writer) {
    const std::lock_guard lock(mutex);
    threads.emplace_back([writer]() mutable { writer.respond(200, {"text/plain", "later"}); });
  });
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(fetch(url_of(*server), {.target = "/"}, {})->body, "later");
  for (std::thread& thread : threads) thread.join();
}

TEST(Server, AHandlerThatThrowsOrForgetsMakesAnError) {
  const auto server = start_server([](const HttpRequest& request, const ResponseWriter&) {
    if (request.target == "/throw") throw std::runtime_error("a secret");
  });
  for (const char* path : {"/throw", "/forget"}) {
    const auto answer = fetch(url_of(*server), {.target = path}, {});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ(answer->body.find("secret"), std::string::npos);
  }
}

TEST(Server, RoutesAndMakesErrorBodies) {
  Router router;
  router.add("GET", "/v2/models/{name}/versions/{v}/infer",
             [](const HttpRequest& request, ResponseWriter writer) {
               writer.respond(200, {"text/plain", std::string(request.parameter("name")) + "@" +
                                                      std::string(request.parameter("v"))});
             });
  const auto server = start_server(
      [&router](HttpRequest request, ResponseWriter writer) {
        router.handle(std::move(request), std::move(writer));
      },
      {.error_body = [](const ServerError& error) {
        return Content{"application/json", fmt::format(R"({{"error":"{} {} {}"}})", error.status,
                                                       error.target, error.message)};
      }});
  const std::string url = url_of(*server);
  EXPECT_EQ(fetch(url, {.method = "GET", .target = "/v2/models/m/versions/2/infer"}, {})->body,
            "m@2");
  const auto missing = fetch(url, {.method = "GET", .target = "/none"}, {});
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(*missing->headers.find("Content-Type"), "application/json");
  EXPECT_TRUE(missing->body.starts_with(R"({"error":"404 /none )"));
  // The same body for what the server says itself.
  RawSocket client(server->port());
  client.send("nonsense\r\n\r\n");
  EXPECT_NE(client.receive_all().find(R"({"error":"400  )"), std::string::npos);
  RawSocket large(server->port());
  large.send("POST /v2/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
  EXPECT_NE(large.receive_all().find(R"({"error":"413 /v2/x )"), std::string::npos);
}

TEST(Server, ListensWhereItIsTold) {
  for (const char* host : {"localhost", "::1", "0.0.0.0", "::"}) {
    const auto server = Server::start({.host = host, .port = 0}, echo);
    if (!server && std::string_view(host).find(':') != std::string_view::npos) continue;  // no IPv6
    ASSERT_TRUE(server) << server.error().message;
    if (std::string_view(host) != "::1") {
      EXPECT_TRUE(fetch(url_of(**server), {.target = "/"}, {})) << host;
    }
  }
}

TEST(Server, SaysWhyItDoesNotStart) {
  const auto first = start_server(echo);
  const auto second = Server::start({.port = first->port()}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kIo);
  EXPECT_NE(second.error().message.find(fmt::format("127.0.0.1:{}", first->port())),
            std::string::npos);
  EXPECT_FALSE(Server::start({.host = "no.such.host.invalid", .port = 0}, echo));
  EXPECT_FALSE(Server::start({.host = "192.0.2.1", .port = 0}, echo));  // not this machine's
}

}  // namespace
}  // namespace slip::test
