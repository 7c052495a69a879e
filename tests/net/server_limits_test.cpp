// What a server doesn't put up with: too much, too slow, not HTTP, clients that vanish.
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "net/net_support.h"

namespace slip::test {
namespace {

void hello(const HttpRequest&, ResponseWriter writer) {
  writer.respond(200, {"text/plain", "hello"});
}

// The server still does its work, and has nobody left.
void expect_sound(Server& server) {
  EXPECT_TRUE(eventually([&server] { return server.n_connections() == 0; }))
      << server.n_connections();
  const auto answer = fetch(url_of(server), {.method = "GET", .target = "/"}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "hello");
}

TEST(ServerLimits, TooLarge) {
  const auto server = start_server(hello, {.max_header_bytes = 1024, .max_body_bytes = 1000});
  const std::string host = "Host: x\r\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {get_request("/", "X: " + std::string(2000, 'x') + "\r\n"), "431"},
      {get_request(std::string("/").append(1 << 20, 'x')), "431"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n", "413"},
      // The answer arrives although the client has sent megabytes that nobody reads.
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 4194304\r\n\r\n" + std::string(4 << 20, 'x'),
       "413"},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nffffff\r\n", "413"},
      {"POST / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 9999\r\n\r\n",
       "413"},
  };
  for (const auto& [request, status] : cases) {
    RawSocket client(server->port());
    client.send(request);
    const std::string answer = client.receive_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status)) << status << ": " << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  }
  expect_sound(*server);
}

TEST(ServerLimits, TooMuchAtOnce) {
  const auto server = start_server(hello, {.max_bodies_bytes = 3000});
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n";
  RawSocket first(server->port());
  first.send(head + std::string(1900, 'x'));
  // What came before a request that has been answered has been read.
  EXPECT_TRUE(fetch(url_of(*server), {.target = "/"}, {}));
  RawSocket second(server->port());
  second.send(head + std::string(1900, 'x'));
  const std::string refused = second.receive_all();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused;
  first.send(std::string(100, 'x'));
  EXPECT_NE(first.receive_until("hello").find("200 OK"), std::string::npos);
  first.close();
  second.close();
  expect_sound(*server);
}

TEST(ServerLimits, TooManyConnections) {
  const auto server = start_server(hello, {.max_connections = 2});
  RawSocket first(server->port());
  RawSocket second(server->port());
  ASSERT_TRUE(eventually([&server] { return server->n_connections() == 2; }));
  RawSocket third(server->port());
  third.send(get_request("/"));
  const std::string refused = third.receive_all();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused;
  EXPECT_NE(refused.find("Retry-After: "), std::string::npos);
  first.send(get_request("/"));
  EXPECT_NE(first.receive_until("hello").find("200 OK"), std::string::npos);
  first.close();
  second.close();
  third.close();
  expect_sound(*server);
}

TEST(ServerLimits, TooSlow) {
  const auto server =
      start_server(hello, {.idle_timeout_ms = 60, .header_timeout_ms = 40, .body_timeout_ms = 50});
  RawSocket silent(server->port());
  EXPECT_EQ(silent.receive_all(), "");
  RawSocket slow_header(server->port());
  slow_header.send("GET / HTTP/1.1\r\nHost");
  EXPECT_TRUE(slow_header.receive_all().starts_with("HTTP/1.1 408"));
  RawSocket slow_body(server->port());
  slow_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_TRUE(slow_body.receive_all().starts_with("HTTP/1.1 408"));
  RawSocket idle(server->port());
  idle.send(get_request("/"));
  EXPECT_NE(idle.receive_until("hello").find("200 OK"), std::string::npos);
  EXPECT_EQ(idle.receive_all(), "");
  slow_header.close();
  slow_body.close();
  expect_sound(*server);
}

TEST(ServerLimits, DribblingKeepsNoRequestAlive) {
  const auto server = start_server(hello, {.header_timeout_ms = 100});
  RawSocket client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: ");
  std::atomic<bool> answered = false;
  std::thread dribbler([&client, &answered] {
    while (!answered && client.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  EXPECT_TRUE(client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 408"));
  answered = true;
  dribbler.join();
  client.close();
  expect_sound(*server);
}

TEST(ServerLimits, WhatIsNotHttp) {
  const auto server = start_server(hello);
  std::mt19937 random(7);
  std::vector<std::string> inputs = {"\r\n\r\n\r\n",
                                     std::string(100, '\0'),
                                     "GET\r\n\r\n",
                                     "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                                     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                     get_request("/\x01")};
  for (int i = 0; i < 100; ++i) {
    std::string garbage(1 + random() % 3000, '\0');
    for (char& c : garbage) c = static_cast<char>(random());
    inputs.push_back(std::move(garbage));
  }
  for (const std::string& input : inputs) {
    RawSocket client(server->port());
    client.send(input);
    client.end_sending();
    const std::string answer = client.receive_all();
    // An input that could become a request gets no answer when it ends.
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 ")) << answer;
  }
  RawSocket client(server->port());
  client.send("nonsense\r\n\r\n");
  EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 400 Bad Request"));
  client.close();
  expect_sound(*server);
}

TEST(ServerLimits, ClientsThatVanishAtEveryByte) {
  const auto server = start_server(hello);
  const std::string request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
  for (std::size_t n = 0; n <= request.size(); ++n) {
    RawSocket closing(server->port());
    closing.send(request.substr(0, n));
    closing.close();
    RawSocket resetting(server->port());
    resetting.send(request.substr(0, n));
    resetting.reset();
  }
  expect_sound(*server);
}

TEST(ServerLimits, AClientThatOnlyStopsSendingGetsItsAnswer) {
  const auto server = start_server(hello);
  RawSocket client(server->port());
  client.send(get_request("/"));
  client.end_sending();
  EXPECT_NE(client.receive_all().find("hello"), std::string::npos);
}

TEST(ServerLimits, AClientThatTakesNothingIsCutOff) {
  std::atomic<bool> left = false;
  const auto server = start_server(
      [&left](const HttpRequest& request, ResponseWriter writer) {
        if (request.target == "/") return hello(request, std::move(writer));
        writer.on_disconnect([&left] { left = true; });
        writer.respond(200, {"text/plain", std::string(64 << 20, 'x')});
      },
      {.write_timeout_ms = 50});
  RawSocket client(server->port());
  client.send(get_request("/large"));
  EXPECT_TRUE(eventually([&left] { return left.load(); }));
  expect_sound(*server);
}

}  // namespace
}  // namespace slip::test
