// HTTPS, with a certificate made for the test.
#include <gtest/gtest.h>

#include "net/net_support.h"
#include "support/temp_dir.h"

namespace slip::test {
namespace {

class Tls : public ::testing::Test {
 protected:
  Tls() : files_(make_certificate(folder_.path())) {
    server_ = start_server(
        [](const HttpRequest& request, ResponseWriter writer) {
          if (request.target != "/events") {
            return writer.respond(200,
                                  {"text/plain", "got " + std::to_string(request.body.size())});
          }
          writer.start_events();
          for (int i = 0; i < 100; ++i) writer.send(SseEvent{.data = std::to_string(i)});
          writer.finish();
        },
        {.tls = files_, .max_body_bytes = 1 << 20, .header_timeout_ms = 500});
  }

  TempDir folder_;
  TlsFiles files_;
  std::unique_ptr<Server> server_;
};

TEST_F(Tls, RoundTripsVerified) {
  const ClientOptions options{.ca_file = files_.certificate};
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    const std::string url = fmt::format("https://{}:{}", host, server_->port());
    const auto answer = fetch(url, {.target = "/", .body = std::string(1'000'000, 'x')}, options);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "got 1000000");
  }
}

TEST_F(Tls, EventsAndKeptConnections) {
  const auto client =
      HttpClient::create(url_of(*server_, "https"), {.ca_file = files_.certificate});
  ASSERT_TRUE(client);
  int n_events = 0;
  int n_reused = 0;
  for (int i = 0; i < 3; ++i) {
    (*client)->send({.target = "/events"}, {.on_event =
                                                [&n_events](const SseEvent&, std::int64_t) {
                                                  ++n_events;
                                                  return ClientCallbacks::Next::kGoOn;
                                                },
                                            .on_done =
                                                [&n_reused](const Result<ClientResponse>& answer) {
                                                  ASSERT_TRUE(answer) << answer.error().message;
                                                  n_reused +=
                                                      answer->timings.reused_connection ? 1 : 0;
                                                }});
    (*client)->run();
  }
  EXPECT_EQ(n_events, 300);
  EXPECT_EQ(n_reused, 2);
}

TEST_F(Tls, AClientTrustsNobodyUntold) {
  const auto unknown = fetch(url_of(*server_, "https"), {.target = "/"}, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kIo);
  const auto trusting = fetch(url_of(*server_, "https"), {.target = "/"},
                              {.verify = ClientOptions::Verify::kNothing});
  EXPECT_TRUE(trusting) << trusting.error().message;
}

TEST_F(Tls, WhoeverSpeaksNoTlsIsCutOff) {
  RawSocket plain(server_->port());
  plain.send(get_request("/"));
  EXPECT_EQ(plain.receive_all().find("HTTP/"), std::string::npos);
  RawSocket silent(server_->port());
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_TRUE(eventually([this] { return server_->n_connections() == 0; }));
}

TEST_F(Tls, RefusalsArrive) {
  const auto answer =
      fetch(url_of(*server_, "https"), {.target = "/", .body = std::string(8 << 20, 'x')},
            {.ca_file = files_.certificate});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

TEST_F(Tls, BadFilesAreErrors) {
  const Handler nobody = [](const HttpRequest&, const ResponseWriter&) {};
  const auto start = [&nobody](TlsFiles files) {
    return Server::start({.port = 0, .tls = std::move(files)}, nobody);
  };
  EXPECT_EQ(start({files_.certificate, folder_ / "none"}).error().kind, ErrorKind::kNotFound);
  const auto text = folder_.write("text", "no PEM");
  EXPECT_EQ(start({text, files_.key}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(start({files_.certificate, text}).error().kind, ErrorKind::kInvalid);
  TempDir other;
  EXPECT_EQ(start({files_.certificate, make_certificate(other.path()).key}).error().kind,
            ErrorKind::kInvalid);
  EXPECT_FALSE(HttpClient::create("https://127.0.0.1", {.ca_file = text}));
}

}  // namespace
}  // namespace slip::test
