// Streams: order, back-pressure, clients that leave, thousands at once.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <vector>

#include "base/os/sockets.h"
#include "net/net_support.h"

namespace slip::test {
namespace {

// Hands writers from the server's thread to the test's.
class Inbox {
 public:
  void operator()(const HttpRequest&, ResponseWriter writer) {
    const std::lock_guard lock(mutex_);
    writers_.push_back(std::move(writer));
    arrived_.notify_all();
  }
  ResponseWriter next() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !writers_.empty(); });
    ResponseWriter writer = writers_.back();
    writers_.pop_back();
    return writer;
  }
  std::vector<ResponseWriter> take(std::size_t n) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this, n] { return writers_.size() == n; });
    return std::exchange(writers_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<ResponseWriter> writers_;
};

Handler into(Inbox& inbox) {
  return [&inbox](const HttpRequest& request, ResponseWriter writer) {
    inbox(request, std::move(writer));
  };
}

TEST(ServerStream, EventsArriveInOrder) {
  Inbox inbox;
  const auto server = start_server(into(inbox));
  std::thread producer([&inbox] {
    ResponseWriter writer = inbox.next();
    writer.start_events();
    for (int i = 0; i < 1000; ++i) {
      while (writer.send(SseEvent{.data = std::to_string(i)}) == SendStatus::kFull) {
        std::this_thread::yield();
      }
    }
    writer.send(SseEvent{.data = "[DONE]"});
    writer.finish();
  });
  const auto client = HttpClient::create(url_of(*server), {});
  ASSERT_TRUE(client);
  int n_events = 0;
  std::int64_t last_ns = 0;
  Result<ClientResponse> answer;
  (*client)->send({.target = "/"}, {.on_event =
                                        [&](const SseEvent& event, std::int64_t received_ns) {
                                          EXPECT_EQ(event.data, n_events < 1000
                                                                    ? std::to_string(n_events)
                                                                    : "[DONE]");
                                          EXPECT_GE(received_ns, last_ns);
                                          last_ns = received_ns;
                                          ++n_events;
                                          return ClientCallbacks::Next::kGoOn;
                                        },
                                    .on_done = [&](auto result) { answer = std::move(result); }});
  (*client)->run();
  producer.join();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(n_events, 1001);
  EXPECT_EQ(*answer->headers.find("Content-Type"), "text/event-stream");
  EXPECT_EQ(*answer->headers.find("Cache-Control"), "no-cache");
  EXPECT_GE(answer->timings.head_ns, answer->timings.sent_ns);
  EXPECT_GE(last_ns, answer->timings.head_ns);
}

TEST(ServerStream, OldClientsGetNoChunks) {
  const auto server = start_server([](const HttpRequest&, ResponseWriter writer) {
    writer.start_stream(200, "text/plain", ResponseWriter::KeepAlive::kNone);
    writer.send("one");
    writer.send("two");
    writer.finish();
  });
  RawSocket old(server->port());
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(old.receive_all().ends_with("\r\n\r\nonetwo"));
  RawSocket client(server->port());
  client.send(get_request("/"));
  EXPECT_NE(client.receive_until("0\r\n\r\n").find("\r\n\r\n6\r\nonetwo\r\n"), std::string::npos);
}

TEST(ServerStream, ASlowReaderFillsTheQueueAndThenDrainsIt) {
  Inbox inbox;
  const auto server = start_server(into(inbox), {.max_queued_bytes = 100'000});
  RawSocket client(server->port());
  client.send(get_request("/"));
  ResponseWriter writer = inbox.next();
  writer.start_stream(200, "text/plain", ResponseWriter::KeepAlive::kNone);
  const std::string piece(10'000, 'x');
  std::size_t n_sent = 0;
  // The system's buffers fill first.
  const auto fill = [&] {
    while (writer.send(piece) == SendStatus::kQueued) n_sent += piece.size();
    return writer.n_queued_bytes() > 0;
  };
  ASSERT_TRUE(eventually([&] {
    fill();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return writer.send(piece) == SendStatus::kFull;
  }));
  EXPECT_LE(writer.n_queued_bytes(), 100'000U);
  EXPECT_FALSE(writer.is_gone());
  std::size_t n_received = 0;
  std::thread reader([&] {
    for (;;) {
      const std::string bytes = client.receive();
      n_received += static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), 'x'));
      if (bytes.empty() || bytes.ends_with("\r\n0\r\n\r\n")) return;
    }
  });
  ASSERT_TRUE(eventually([&] { return writer.n_queued_bytes() == 0; }));
  SendStatus status = SendStatus::kFull;
  ASSERT_TRUE(eventually([&] { return (status = writer.send(piece)) != SendStatus::kFull; }));
  EXPECT_EQ(status, SendStatus::kQueued);
  n_sent += piece.size();
  writer.finish();
  reader.join();
  EXPECT_GE(n_received, n_sent);
}

TEST(ServerStream, OnePieceMayBeLargerThanTheQueue) {
  Inbox inbox;
  const auto server = start_server(into(inbox), {.max_queued_bytes = 10});
  RawSocket client(server->port());
  client.send(get_request("/"));
  ResponseWriter writer = inbox.next();
  writer.start_stream(200, "text/plain", ResponseWriter::KeepAlive::kNone);
  EXPECT_EQ(writer.send("much more than ten bytes"), SendStatus::kQueued);
  client.receive_until("ten bytes");
  writer.finish();
}

TEST(ServerStream, TheWriterHearsOfLeaving) {
  Inbox inbox;
  const auto server = start_server(into(inbox));
  enum class How { kClose, kReset };
  enum class When { kBeforeStart, kInStream };
  for (const How how : {How::kClose, How::kReset}) {
    for (const When when : {When::kBeforeStart, When::kInStream}) {
      RawSocket client(server->port());
      client.send(get_request("/"));
      ResponseWriter writer = inbox.next();
      std::atomic<int> n_calls = 0;
      writer.on_disconnect([&n_calls] { ++n_calls; });
      if (when == When::kInStream) {
        writer.start_events();
        EXPECT_EQ(writer.send("data: x\n\n"), SendStatus::kQueued);
        client.receive_until("data: x");
      }
      EXPECT_FALSE(writer.is_gone());
      how == How::kClose ? client.close() : client.reset();
      ASSERT_TRUE(eventually([&n_calls] { return n_calls > 0; }));
      EXPECT_TRUE(writer.is_gone());
      writer.on_disconnect([&n_calls] { ++n_calls; });  // at once
      EXPECT_EQ(n_calls, 2);
      if (when == When::kBeforeStart) writer.start_events();  // no harm
      EXPECT_EQ(writer.send("data: y\n\n"), SendStatus::kGone);
      writer.finish();
    }
  }
  EXPECT_TRUE(eventually([&server] { return server->n_connections() == 0; }));
}

TEST(ServerStream, NobodyIsToldOfLeavingBehindTheEnd) {
  Inbox inbox;
  const auto server = start_server(into(inbox));
  RawSocket client(server->port());
  client.send(get_request("/"));
  ResponseWriter writer = inbox.next();
  std::atomic<int> n_calls = 0;
  writer.on_disconnect([&n_calls] { ++n_calls; });
  writer.respond(200, {"text/plain", "all"});
  client.receive_until("all");
  client.close();
  EXPECT_TRUE(eventually([&server] { return server->n_connections() == 0; }));
  writer.on_disconnect([&n_calls] { ++n_calls; });
  EXPECT_EQ(n_calls, 0);
}

TEST(ServerStream, AnIncompleteStreamIsCut) {
  Inbox inbox;
  const auto server = start_server(into(inbox));
  for (const bool aborts : {true, false}) {
    RawSocket client(server->port());
    client.send(get_request("/"));
    {
      ResponseWriter writer = inbox.next();
      writer.start_events();
      writer.send("data: x\n\n");
      client.receive_until("data: x");
      if (aborts) writer.cut_off();
    }
    EXPECT_EQ(client.receive_all(), "");  // and no last chunk
  }
}

TEST(ServerStream, QuietStreamsArePinged) {
  Inbox inbox;
  const auto server = start_server(into(inbox), {.ping_interval_ms = 5});
  RawSocket client(server->port());
  client.send(get_request("/"));
  ResponseWriter writer = inbox.next();
  writer.start_events();
  EXPECT_NE(client.receive_until("3\r\n:\n\n\r\n3\r\n:\n\n\r\n").find(":\n\n"), std::string::npos);
  writer.finish();
}

TEST(ServerStream, WritersOutliveTheServer) {
  Inbox inbox;
  auto server = start_server(into(inbox));
  RawSocket streaming(server->port());
  streaming.send(get_request("/"));
  ResponseWriter stream = inbox.next();
  stream.start_events();
  RawSocket waiting(server->port());
  waiting.send(get_request("/"));
  ResponseWriter waiter = inbox.next();
  std::atomic<int> n_calls = 0;
  stream.on_disconnect([&n_calls] { ++n_calls; });
  waiter.on_disconnect([&n_calls] { ++n_calls; });
  server.reset();
  EXPECT_EQ(n_calls, 2);
  EXPECT_EQ(stream.send("x"), SendStatus::kGone);
  stream.finish();
  waiter.respond(200, {"text/plain", "too late"});
}

TEST(ServerStream, AThousandIdleStreams) {
  constexpr std::size_t kStreams = 1000;
  if (raise_open_files_limit(2 * kStreams + 100) < 2 * kStreams + 100) GTEST_SKIP();
  Inbox inbox;
  const auto server = start_server(into(inbox));
  std::vector<RawSocket> clients;
  clients.reserve(kStreams);
  const std::size_t before = resident_bytes();
  for (std::size_t i = 0; i < kStreams; ++i) {
    clients.emplace_back(server->port());
    clients.back().send(get_request("/"));
  }
  std::vector<ResponseWriter> writers = inbox.take(kStreams);
  for (ResponseWriter& writer : writers) writer.start_events();
  std::string event;
  append_sse(event, {.data = "token"});
  for (int round = 0; round < 3; ++round) {
    for (ResponseWriter& writer : writers) EXPECT_EQ(writer.send(event), SendStatus::kQueued);
  }
  ASSERT_TRUE(eventually([&writers] {
    return std::all_of(writers.begin(), writers.end(),
                       [](const ResponseWriter& w) { return w.n_queued_bytes() == 0; });
  }));
  const std::size_t used = resident_bytes() - std::min(before, resident_bytes());
  std::cout << "[          ] " << used / kStreams << " bytes a stream\n";
  RecordProperty("bytes_per_stream", static_cast<int>(used / kStreams));
  EXPECT_EQ(server->n_connections(), kStreams);
  for (ResponseWriter& writer : writers) writer.finish();
  for (RawSocket& client : clients) {
    EXPECT_NE(client.receive_until("0\r\n\r\n").find("token"), std::string::npos);
  }
}

}  // namespace
}  // namespace slip::test
