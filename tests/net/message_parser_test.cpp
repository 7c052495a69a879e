// HTTP messages from bytes: what is taken, and what is refused with which status.
#include "net/message_parser.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace slip {
namespace {

constexpr MessageLimits kLimits{.header_bytes = 512, .body_bytes = 100};

// Feeds in pieces as a connection does; the status is 0 for a request, 1 for one that isn't
// complete.
struct Parsed {
  int status = 1;
  HttpRequest request;
  std::string rest;
  bool keeps_alive = false;
};

Parsed parse(std::string_view bytes, std::size_t piece) {
  RequestParser parser(kLimits);
  Parsed parsed;
  std::string input;
  while (!parser.is_done() && !bytes.empty()) {
    input += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    const auto used = parser.feed(input);
    if (!used) {
      parsed.status = used.error().status;
      return parsed;
    }
    input.erase(0, *used);
  }
  if (!parser.is_done()) return parsed;
  return {.status = 0,
          .request = parser.take(),
          .rest = input + std::string(bytes),
          .keeps_alive = parser.keeps_alive()};
}

TEST(RequestParser, TakesRequestsInPiecesOfAnySize) {
  const std::string plain =
      "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello";
  const std::string chunked =
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2;ext=1\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n";
  const std::string next = "GET / HTTP/1.1\r\n";
  for (const std::string& request : {plain, chunked}) {
    for (std::size_t piece = 1; piece <= request.size() + next.size(); ++piece) {
      const Parsed parsed = parse(request + next, piece);
      ASSERT_EQ(parsed.status, 0) << piece;
      EXPECT_EQ(parsed.request.method, "POST");
      EXPECT_EQ(parsed.request.body, "hello");
      EXPECT_EQ(parsed.rest, next);
      EXPECT_TRUE(parsed.keeps_alive);
      EXPECT_EQ(parsed.request.headers.find("X-Trailer"), nullptr);
    }
  }
  EXPECT_EQ(parse(plain, 10).request.target, "/a?b");
  EXPECT_EQ(parse(plain, 10).request.headers.count("x-a"), 2U);
  for (std::size_t piece = 1; piece < 10; ++piece) {
    EXPECT_EQ(
        parse("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", piece)
            .status,
        0);
  }
}

TEST(RequestParser, KeepAliveAndVersions) {
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n", 99).keeps_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\n\r\n", 99).request.is_http_1_0);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 99).keeps_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 99).keeps_alive);
}

TEST(RequestParser, Refuses) {
  const std::string host = "Host: x\r\n";
  const std::string get = "GET / HTTP/1.1\r\n";
  const std::string post = "POST / HTTP/1.1\r\n" + host;
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::pair<std::string, int>> cases = {
      {get + "\r\n", 400},
      {get + host + host + "\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"GET /\r\n\r\n", 400},
      {"\x16\x03\x01\x02", 400},  // TLS to a server without
      {"GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
      {get + "Host : x\r\n\r\n", 400},
      {get + "Ho st: x\r\n\r\n", 400},
      {get + host + "Bad\x01: x\r\n\r\n", 400},
      {get + host + "X: a\nY: b\r\n\r\n", 400},
      {get + host + "Expect: a miracle\r\n\r\n", 417},
      // Where two readers could see two different ends (request smuggling).
      {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {post + "Content-Length: 1, 2\r\n\r\n", 400},
      {post + "Content-Length: -1\r\n\r\n", 400},
      {post + "Content-Length: 1x\r\n\r\n", 400},
      {post + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {post + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {post + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
      {chunked + "x\r\nabcd", 400},
      {chunked + "1\r\nabcdef", 400},
      // Limits.
      {post + "Content-Length: 101\r\n\r\n", 413},
      {chunked + "65\r\nabcd", 413},
      {chunked + "40\r\n" + std::string(64, 'x') + "\r\n40\r\n", 413},
      {get + "X: " + std::string(600, 'x'), 431},
      {"GET /" + std::string(600, 'x'), 431},
      {chunked + "1;" + std::string(600, 'x'), 431},
      {chunked + "0\r\nX: " + std::string(600, 'x'), 431},
  };
  for (const auto& [bytes, status] : cases) {
    for (const std::size_t piece : {1000, 7, 1}) {
      EXPECT_EQ(parse(bytes, piece).status, status) << bytes << " in pieces of " << piece;
    }
  }
}

TEST(RequestParser, EveryPrefixIsIncomplete) {
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t n = 0; n < request.size(); ++n) {
    EXPECT_EQ(parse(request.substr(0, n), 1).status, 1) << n;
  }
}

TEST(RequestParser, ExpectContinue) {
  RequestParser parser(kLimits);
  EXPECT_TRUE(parser.feed(
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_TRUE(parser.has_headers());
  EXPECT_FALSE(parser.is_done());
  EXPECT_TRUE(parser.expects_continue());
}

struct Received {
  int status = 0;
  std::string body;
  bool is_done = false;
};

Received respond(std::string_view bytes, ResponseParser::Body kind) {
  Received received;
  ResponseParser parser(
      kLimits, kind,
      {.on_head = [&received](const ResponseParser::Head& head) { received.status = head.status; },
       .on_body = [&received](std::string_view piece) { received.body += piece; }});
  EXPECT_TRUE(parser.feed(bytes));
  received.is_done = parser.is_done() || parser.finish();
  return received;
}

TEST(ResponseParser, TakesResponses) {
  const auto kAsSent = ResponseParser::Body::kAsSent;
  Received received = respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", kAsSent);
  EXPECT_EQ(received.status, 200);
  EXPECT_EQ(received.body, "hi");
  received = respond(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 404 \r\n\r\nto the end", kAsSent);
  EXPECT_EQ(received.status, 404);
  EXPECT_EQ(received.body, "to the end");
  EXPECT_TRUE(received.is_done);
  EXPECT_TRUE(
      respond("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", ResponseParser::Body::kNone).is_done);
  EXPECT_FALSE(respond("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", kAsSent).is_done);
  EXPECT_FALSE(respond("HTTP/1.1 200 OK\r\nTransfer-Enc", kAsSent).is_done);
  EXPECT_FALSE(
      respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", kAsSent).is_done);
  EXPECT_FALSE(respond("", kAsSent).is_done);
}

}  // namespace
}  // namespace slip
