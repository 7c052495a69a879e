// Pre-tokenizers: hand-written scanners against their patterns, and the pieces they make.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "text/pretokenizer_registry.h"
#include "text/regex_splitter.h"
#include "text/scanners.h"
#include "text/utf8.h"

namespace slip {
namespace {

using Strings = std::vector<std::string>;

Strings split(const PreTokenizer& pretokenizer, std::string_view text) {
  Pieces pieces;
  pretokenizer.split(text, pieces);
  return {pieces.begin(), pieces.end()};
}

// The pattern by PCRE2 even where a scanner is known: an empty look-ahead hides it.
PreTokenizer by_regex(std::vector<std::string> patterns) {
  PreTokenizer out;
  for (std::string& pattern : patterns) {
    out.add(regex_splitter("(?=)(?:" + pattern + ")").value());
  }
  return out;
}

PreTokenizer one(std::unique_ptr<SplitStep> step) {
  PreTokenizer out;
  out.add(std::move(step));
  return out;
}

// Texts made of what the patterns tell apart, at random.
std::string random_text(std::uint64_t seed) {
  const std::string_view parts[] = {
      " ",      "  ",     "\n", "\r\n",   "\t", "a",  "Zq",   "word",    "'s",     "'S",
      "'ll",    "'Re",    "'x", "'",      "1",  "23", "½",    "٣",       "!",      "(",
      "$/",     "…",      "é",  "中",     "ǅ",  "ʰ",  "ß",    "e\u0301", "\u0301", "\u3000",
      "\u0085", "\u180e", "😀",  "\u200b", "_",  "'ſ", "\x01", "\ufffd"};
  std::string text;
  const std::uint64_t n = random_bits(seed, 0) % 12;
  for (std::uint64_t i = 1; i <= n; ++i) text += parts[random_bits(seed, i) % std::size(parts)];
  return text;
}

struct Case {
  const char* name;
  PreTokenizer (*scanner)();
  std::vector<std::string> patterns;
};

TEST(Scanners, EqualTheirPatternsOnRandomText) {
  const std::string gpt2(kGpt2Words);
  const std::string qwen35 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
      R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::vector<Case> cases = {
      {"gpt2", [] { return one(gpt2_splitter()); }, {gpt2}},
      {"smollm", [] { return one(gpt2_splitter({.single_digits = true})); }, {R"(\p{N})", gpt2}},
      {"llama3", [] { return one(llama3_splitter()); }, {std::string(kLlama3Words)}},
      {"qwen2", [] { return one(llama3_splitter({.max_digits = 1})); }, {std::string(kQwen2Words)}},
      {"qwen35", [] { return one(llama3_splitter({.max_digits = 1, .marks = true})); }, {qwen35}},
      {"digits", [] { return one(digit_splitter(3)); }, {R"(\p{N}{1,3})"}},
      {"digit runs", [] { return one(digit_splitter(0)); }, {R"(\p{N}+)"}},
      {"newlines", [] { return one(newline_splitter()); }, {R"([^\n]+|[\n]+)"}},
      {"aligned",
       [] { return one(right_aligned_digit_splitter()); },
       {R"(\p{N}+)", R"((?=(\p{N}{3})+(?!\p{N})))"}},
  };
  for (const Case& c : cases) {
    const PreTokenizer scanner = c.scanner();
    const PreTokenizer regex = by_regex(c.patterns);
    for (std::uint64_t seed = 0; seed < 20000; ++seed) {
      const std::string text = random_text(seed);
      ASSERT_EQ(split(scanner, text), split(regex, text)) << c.name << ": " << text;
    }
  }
}

TEST(Scanners, CutAsTheModelsDo) {
  const PreTokenizer llama3 = make_pretokenizer({kLlama3Words}).value();
  EXPECT_EQ(
      split(llama3, "Hello, WORLD!!\n\n  I'LL pay 12345"),
      (Strings{"Hello", ",", " WORLD", "!!\n\n", " ", " I", "'LL", " pay", " ", "123", "45"}));
  const PreTokenizer smollm = make_pretokenizer({R"(\p{N})", kGpt2Words}).value();
  EXPECT_EQ(split(smollm, "in 1984  x"), (Strings{"in", " ", "1", "9", "8", "4", " ", " x"}));
}

TEST(RegexSplitter, BehavesAsHuggingFaceSplit) {
  const auto pieces = [](SplitBehavior behavior, bool invert) {
    PreTokenizer p;
    p.add(regex_splitter("-", {.behavior = behavior, .invert = invert}).value());
    return split(p, "the-final--countdown");
  };
  // The examples of the tokenizers documentation.
  EXPECT_EQ(pieces(SplitBehavior::kRemoved, false), (Strings{"the", "final", "countdown"}));
  EXPECT_EQ(pieces(SplitBehavior::kIsolated, false),
            (Strings{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(pieces(SplitBehavior::kMergedWithPrevious, false),
            (Strings{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(pieces(SplitBehavior::kMergedWithNext, false),
            (Strings{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(pieces(SplitBehavior::kContiguous, false),
            (Strings{"the", "-", "final", "--", "countdown"}));
  EXPECT_EQ(pieces(SplitBehavior::kRemoved, true), (Strings{"-", "-", "-"}));
}

TEST(RegexSplitter, RejectsBrokenPatternsWithTheReason) {
  const auto result = regex_splitter("(unclosed");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(result.error().message.find("(unclosed"), std::string::npos);
}

TEST(RegexSplitter, SurvivesLongRunsAndBacktracking) {
  PreTokenizer p;
  p.add(regex_splitter(R"((?:a+)+b)").value());
  EXPECT_EQ(split(p, std::string(5000, 'a')).size(), 1u);
  const PreTokenizer llama3 = by_regex({std::string(kLlama3Words)});
  EXPECT_EQ(split(llama3, std::string(1 << 20, ' ') + "x").size(), 2u);
}

TEST(PretokenizerRegistry, EveryPatternCompilesAndNamesAreUnique) {
  std::vector<std::string_view> names;
  for (const PretokenizerEntry* entry : pretokenizers()) {
    EXPECT_TRUE(make_pretokenizer(entry->patterns).has_value()) << entry->names.front();
    names.insert(names.end(), entry->names.begin(), entry->names.end());
  }
  EXPECT_GT(names.size(), 60u);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_NE(find_pretokenizer("no-such").error().message.find("llama-bpe"), std::string::npos);
}

}  // namespace
}  // namespace slip
