// The end of a server: gently, and at once.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "net/net_support.h"

namespace slip::test {
namespace {

// A server whose requests are answered when the test says so.
class Stopping : public ::testing::Test {
 protected:
  Stopping() {
    server_ = start_server([this](const HttpRequest& request, ResponseWriter writer) {
      if (request.target == "/now") return writer.respond(200, {"text/plain", "now"});
      const std::lock_guard lock(mutex_);
      writers_.push_back(std::move(writer));
    });
  }
  std::vector<ResponseWriter> wait_for(std::size_t n) {
    EXPECT_TRUE(eventually([this, n] {
      const std::lock_guard lock(mutex_);
      return writers_.size() == n;
    }));
    const std::lock_guard lock(mutex_);
    return std::exchange(writers_, {});
  }

  std::mutex mutex_;
  std::vector<ResponseWriter> writers_;
  std::unique_ptr<Server> server_;
};

TEST_F(Stopping, AnIdleServerEndsAtOnce) {
  RawSocket kept(server_->port());
  kept.send(get_request("/now"));
  kept.receive_until("now");
  RawSocket silent(server_->port());
  server_->stop();
  server_->wait();
  server_->wait();
  EXPECT_EQ(kept.receive_all(), "");
}

TEST_F(Stopping, LiveStreamsAreDrained) {
  constexpr std::size_t kStreams = 200;
  std::vector<RawSocket> clients;
  for (std::size_t i = 0; i < kStreams; ++i) {
    clients.emplace_back(server_->port());
    clients.back().send(get_request("/"));
  }
  std::vector<ResponseWriter> writers = wait_for(kStreams);
  for (ResponseWriter& writer : writers) {
    writer.start_events();
    writer.send("data: before\n\n");
  }
  server_->stop();
  std::thread producer([&writers] {
    for (ResponseWriter& writer : writers) {
      EXPECT_EQ(writer.send("data: after\n\n"), SendStatus::kQueued);
      writer.finish();
    }
  });
  std::size_t n_complete = 0;
  for (RawSocket& client : clients) {
    const std::string stream = client.receive_all();
    n_complete += stream.find("after") != std::string::npos && stream.ends_with("0\r\n\r\n");
    client.close();
  }
  producer.join();
  server_->wait();
  EXPECT_EQ(n_complete, kStreams);
  EXPECT_EQ(server_->n_connections(), 0U);
}

TEST_F(Stopping, ARequestThatHasBegunIsAnswered) {
  RawSocket client(server_->port());
  client.send("POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  // Its first bytes are there once a later connection has been answered.
  EXPECT_EQ(fetch(url_of(*server_), {.target = "/now"}, {})->body, "now");
  server_->stop();
  client.send("b");
  const std::string answer = client.receive_all();
  EXPECT_TRUE(answer.ends_with("now")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  client.close();
  server_->wait();
}

TEST_F(Stopping, NobodyNewIsAccepted) {
  RawSocket client(server_->port());
  client.send(get_request("/"));
  auto writers = wait_for(1);
  server_->stop();
  EXPECT_TRUE(eventually([this] { return !fetch(url_of(*server_), {.target = "/now"}, {}); }));
  writers.front().respond(200, {"text/plain", "still"});
  EXPECT_NE(client.receive_all().find("still"), std::string::npos);
}

TEST_F(Stopping, TheSecondStopCutsAll) {
  RawSocket streaming(server_->port());
  streaming.send(get_request("/"));
  RawSocket waiting(server_->port());
  waiting.send(get_request("/"));
  RawSocket half(server_->port());
  half.send("GET / HT");
  auto writers = wait_for(2);
  writers.front().start_events();
  std::atomic<int> n_left = 0;
  for (ResponseWriter& writer : writers) writer.on_disconnect([&n_left] { ++n_left; });
  server_->stop();
  server_->stop();
  server_->wait();
  EXPECT_EQ(n_left, 2);
  EXPECT_EQ(streaming.receive_all().find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(waiting.receive_all(), "");
  server_->stop();  // no harm
}

}  // namespace
}  // namespace slip::test
