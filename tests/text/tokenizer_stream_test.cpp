// Streams: incremental detokenising and stop strings.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "text/detokenizer.h"
#include "text/stop_strings.h"
#include "text/tiny_vocabularies.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace slip {
namespace {

TEST(Detokenizer, HandsOutWholeCharactersOnly) {
  const auto tokenizer = tiny_sentencepiece();
  Detokenizer stream(*tokenizer);
  const int e2 = *tokenizer->find_token("<0xE2>");
  const int x82 = *tokenizer->find_token("<0x82>");
  const int ac = *tokenizer->find_token("<0xAC>");
  EXPECT_EQ(stream.push(e2), "");
  EXPECT_EQ(stream.push(x82), "");
  EXPECT_EQ(stream.push(ac), "€");
  EXPECT_EQ(stream.push(e2), "");
  EXPECT_EQ(stream.push(e2), "\ufffd");  // the first can't become a character any more
  EXPECT_EQ(stream.finish(), "\ufffd");
}

TEST(Detokenizer, DropsTheSpaceThatTheTokenizerPutThere) {
  const auto tokenizer = tiny_sentencepiece();
  const std::vector<int> ids = tokenizer->encode("hello", {.add_special = true});
  EXPECT_EQ(tokenizer->decode(ids), "hello");
  Detokenizer continuing(*tokenizer, {.continues = true});
  EXPECT_EQ(continuing.push(ids.back()), " hello");
  EXPECT_EQ(continuing.push(-1), "");
  EXPECT_EQ(continuing.push(1 << 30), "");
}

TEST(Detokenizer, PiecesAddUpToTheRepairedBytes) {
  const auto tokenizer = tiny_sentencepiece();
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    std::string bytes, streamed;
    Detokenizer stream(*tokenizer, {.continues = true});
    for (std::uint64_t i = 0; i < 12; ++i) {
      const auto id = static_cast<int>(random_bits(seed, i) % tokenizer->n_vocab());
      if (!tokenizer->is_special(id)) bytes += tokenizer->token_bytes(id);
      const std::string out = stream.push(id);
      ASSERT_TRUE(is_valid_utf8(out));
      streamed += out;
    }
    streamed += stream.finish();
    ASSERT_EQ(streamed, repair_utf8(bytes));
  }
}

TEST(StopStrings, HoldsBackWhatCouldBeginOne) {
  StopStrings stops({"<|end|>", "\n\n"});
  EXPECT_EQ(stops.push("a <").text, "a ");
  EXPECT_EQ(stops.push("|en").text, "");
  EXPECT_EQ(stops.push("x").text, "<|enx");
  EXPECT_EQ(stops.push("\n").text, "");
  const auto last = stops.push("\nmore");
  EXPECT_EQ(last.text, "");
  EXPECT_TRUE(last.stopped);
  EXPECT_EQ(stops.found(), "\n\n");
  EXPECT_EQ(stops.push("more").text, "");
}

TEST(StopStrings, ResultDoesNotDependOnTheChunks) {
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    std::string text;
    const auto letter = [&](std::uint64_t i) { return "ab"[random_bits(seed, i) % 2]; };
    for (std::uint64_t i = 0; i < 20; ++i) text += letter(i);
    std::vector<std::string> list(2);
    for (std::uint64_t i = 0; i < 4; ++i) list[0] += letter(100 + i);
    for (std::uint64_t i = 0; i < 2; ++i) list[1] += letter(200 + i);
    StopStrings whole(list), single(list);
    auto all = whole.push(text);
    std::string one_by_one;
    for (const char c : text) one_by_one += single.push({&c, 1}).text;
    all.text += whole.finish();
    one_by_one += single.finish();
    ASSERT_EQ(all.text, one_by_one);
    ASSERT_EQ(whole.found(), single.found());
  }
}

TEST(StopStrings, WithoutStopsTextPasses) {
  StopStrings stops({""});
  EXPECT_EQ(stops.push("abc").text, "abc");
  EXPECT_EQ(stops.finish(), "");
}

}  // namespace
}  // namespace slip
