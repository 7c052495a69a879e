// The client against servers that a script plays.
#include "net/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "base/os/clock.h"
#include "net/net_support.h"

namespace slip::test {
namespace {

// One connection after the other: each gets what `script` does with it.
class Played {
 public:
  explicit Played(std::vector<std::function<void(RawSocket&)>> scripts)
      : thread_([this, scripts = std::move(scripts)] {
          for (const auto& script : scripts) {
            RawSocket socket = listener_.accept();
            script(socket);
          }
        }) {}
  ~Played() { thread_.join(); }
  Played(const Played&) = delete;
  Played& operator=(const Played&) = delete;
  std::string url() const { return fmt::format("http://127.0.0.1:{}", listener_.port()); }

 private:
  RawListener listener_;
  std::thread thread_;
};

std::function<void(RawSocket&)> answers(std::string text) {
  return [text = std::move(text)](RawSocket& socket) {
    socket.receive_until("\r\n\r\n");
    socket.send(text);
  };
}

TEST(HttpClient, SendsWhatItSays) {
  std::string seen;
  Played server({[&seen](RawSocket& socket) {
    seen = socket.receive_until("body");
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }});
  const auto answer = fetch(server.url() + "/prefix/",
                            {.target = "/v1", .headers = {{"X-A", "1"}}, .body = "body"}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(seen.starts_with("POST /prefix/v1 HTTP/1.1\r\nHost: 127.0.0.1:")) << seen;
  EXPECT_NE(seen.find("X-A: 1\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nbody"),
            std::string::npos);
  const ClientTimings& t = answer->timings;
  EXPECT_LE(t.started_ns, t.connected_ns);
  EXPECT_LE(t.connected_ns, t.sent_ns);
  EXPECT_LE(t.head_ns, t.done_ns);
}

TEST(HttpClient, AKeptConnectionThatWasClosedIsReplaced) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Played server({answers(ok), answers(ok)});  // each hangs up behind its answer
  const auto client = HttpClient::create(server.url(), {});
  int n_answers = 0;
  for (int i = 0; i < 2; ++i) {
    (*client)->send({.target = "/"}, {.on_done = [&n_answers](const auto& answer) {
                      ASSERT_TRUE(answer) << answer.error().message;
                      EXPECT_EQ(answer->body, "ok");
                      ++n_answers;
                    }});
    (*client)->run();
  }
  EXPECT_EQ(n_answers, 2);
}

TEST(HttpClient, ReadsToTheEndWhereNothingElseSaysIt) {
  Played server({answers("HTTP/1.1 200 OK\r\n\r\nto the end")});
  EXPECT_EQ(fetch(server.url(), {.method = "GET", .target = "/"}, {})->body, "to the end");
}

TEST(HttpClient, Errors) {
  const auto kind_of = [](std::string text) {
    Played server({answers(std::move(text))});
    const auto answer = fetch(server.url(), {.target = "/"}, {.max_body_bytes = 100});
    EXPECT_FALSE(answer);
    return answer.error().kind;
  };
  EXPECT_EQ(kind_of(""), ErrorKind::kIo);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"), ErrorKind::kIo);
  EXPECT_EQ(kind_of("SSH-2.0-OpenSSH\r\n"), ErrorKind::kInvalid);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"), ErrorKind::kLimit);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')), ErrorKind::kLimit);

  std::uint16_t unused = 0;
  {
    const RawListener listener;
    unused = listener.port();
  }
  const auto refused = fetch(fmt::format("http://127.0.0.1:{}", unused), {.target = "/"}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kIo);
  EXPECT_EQ(fetch("http://no.such.host.invalid", {.target = "/"}, {}).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(fetch("gopher://x", {.target = "/"}, {}).error().kind, ErrorKind::kInvalid);
}

TEST(HttpClient, ATimeoutEndsARequest) {
  Played server({[](RawSocket& socket) {
    socket.receive_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    socket.receive_all();  // until the client hangs up
  }});
  const auto answer = fetch(server.url(), {.target = "/", .timeout_ms = 50}, {});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("50 ms"), std::string::npos);
}

TEST(HttpClient, HangsUpOnAStream) {
  std::atomic<bool> left = false;
  const auto server = start_server([&left](const HttpRequest&, ResponseWriter writer) {
    writer.start_events();
    writer.send(SseEvent{.data = "1"});
    writer.on_disconnect([&left, writer] { left = true; });  // keeps it alive until then
  });
  const auto client = HttpClient::create(url_of(*server), {});
  Result<ClientResponse> answer;
  (*client)->send(
      {.target = "/"},
      {.on_event = [](const SseEvent&, std::int64_t) { return ClientCallbacks::Next::kStop; },
       .on_done = [&answer](auto result) { answer = std::move(result); }});
  (*client)->run();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(eventually([&left] { return left.load(); }));
}

TEST(HttpClient, StopEndsEverything) {
  std::vector<ResponseWriter> held;
  const auto server = start_server(
      [&held](const HttpRequest&, ResponseWriter writer) { held.push_back(std::move(writer)); });
  const auto client = HttpClient::create(url_of(*server), {});
  int n_cancelled = 0;
  for (int i = 0; i < 10; ++i) {
    (*client)->send({.target = "/"}, {.on_done = [&n_cancelled](const auto& answer) {
                      n_cancelled += !answer && answer.error().kind == ErrorKind::kCancelled;
                    }});
  }
  (*client)->at(now_ns() + 3'600'000'000'000, [] { ADD_FAILURE(); });
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&server] { return server->n_connections() == 10; }));
    (*client)->stop();
  });
  (*client)->run();
  stopper.join();
  EXPECT_EQ(n_cancelled, 10);
}

TEST(HttpClient, ManyAtOnceAndOneAfterTheOther) {
  const auto server = start_server([](const HttpRequest& request, ResponseWriter writer) {
    writer.respond(200, {"text/plain", request.body});
  });
  const auto client = HttpClient::create(url_of(*server), {});
  int n_started = 0;
  std::set<std::string> bodies;
  // 100 loops of ten requests each: a finished one starts the next.
  std::function<void()> next = [&] {
    (*client)->send({.target = "/", .body = std::to_string(n_started++)},
                    {.on_done = [&](const auto& answer) {
                      ASSERT_TRUE(answer) << answer.error().message;
                      bodies.insert(answer->body);
                      if (n_started < 1000) next();
                    }});
  };
  const std::int64_t due_ns = now_ns() + 5'000'000;
  (*client)->at(due_ns, [&] {
    EXPECT_GE(now_ns(), due_ns);
    for (int i = 0; i < 100; ++i) next();
  });
  (*client)->run();
  EXPECT_EQ(bodies.size(), 1000U);
  EXPECT_LE(server->n_connections(), 100U);
}

}  // namespace
}  // namespace slip::test
