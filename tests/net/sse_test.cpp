// Server-sent events, both ways.
#include "net/sse.h"

#include <gtest/gtest.h>

#include <vector>

namespace slip {
namespace {

std::vector<SseEvent> parse(std::string_view stream, std::size_t piece) {
  std::vector<SseEvent> events;
  SseParser parser;
  for (std::size_t i = 0; i < stream.size(); i += piece) {
    EXPECT_TRUE(parser.feed(stream.substr(i, piece),
                            [&events](const SseEvent& event) { events.push_back(event); }));
  }
  return events;
}

TEST(Sse, Framing) {
  std::string out;
  append_sse(out, {.data = "{\"a\":1}"});
  EXPECT_EQ(out, "data: {\"a\":1}\n\n");
  out.clear();
  append_sse(out, {.type = "error", .data = "one\ntwo\r\nthree\rfour", .id = "7\nid: 8"});
  EXPECT_EQ(out, "event: error\nid: 7\ndata: one\ndata: two\ndata: three\ndata: four\n\n");
  out.clear();
  append_sse(out, {.data = ""});
  EXPECT_EQ(out, "data: \n\n");
}

TEST(Sse, WhateverIsFramedIsReadBackInPiecesOfAnySize) {
  const std::vector<SseEvent> sent = {{.data = "a"},
                                      {.type = "t", .data = " b\n\nc\n", .id = "1"},
                                      {.data = "", .id = "2"},
                                      {.data = ": no comment", .id = "3"}};
  std::string stream;
  for (const SseEvent& event : sent) {
    append_sse(stream, event);
    stream += kSsePing;
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    const auto events = parse(stream, piece);
    ASSERT_EQ(events.size(), sent.size()) << piece;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(events[i].type, sent[i].type);
      EXPECT_EQ(events[i].data, sent[i].data);
      EXPECT_EQ(events[i].id, sent[i].id);
    }
  }
}

// The examples and rules of the standard's section 9.2.6.
TEST(Sse, ReadsAsTheStandardSays) {
  const std::string_view stream =
      "\xef\xbb\xbf"
      "data\r\rdata\ndata\r\n\r\ndata:\n: comment\ndata:x\ndata:  y\n\n"
      "event: none\n\nretry: 10\nunknown: 1\nid: a\ndata: z\n\nid\ndata: w\n\ndata: cut off";
  for (const std::size_t piece : {1, 2, 3, 5, 1000}) {
    const auto events = parse(stream, piece);
    ASSERT_EQ(events.size(), 5U) << piece;
    EXPECT_EQ(events[0].data, "");
    EXPECT_EQ(events[1].data, "\n");
    EXPECT_EQ(events[2].data, "\nx\n y");
    EXPECT_EQ(events[3].data, "z");
    EXPECT_EQ(events[3].type, "");
    EXPECT_EQ(events[3].id, "a");
    EXPECT_EQ(events[4].id, "");
  }
}

TEST(Sse, AnEventIsBounded) {
  for (const std::string_view stream : {"data: 0123456789012345", "data: 0123\ndata: 4567\ndata: 8",
                                        ":0123456789012345678901234567890"}) {
    SseParser parser(16);
    Result<> fed;
    for (const char c : stream) {
      if (fed) fed = parser.feed({&c, 1}, [](const SseEvent&) { ADD_FAILURE(); });
    }
    ASSERT_FALSE(fed) << stream;
    EXPECT_EQ(fed.error().kind, ErrorKind::kLimit);
  }
}

}  // namespace
}  // namespace slip
