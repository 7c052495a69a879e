#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "measure/load/arrivals.h"
#include "measure/load/prompts.h"
#include "support/temp_dir.h"

namespace slip::test {
namespace {

std::int64_t n_words(const std::string& text) {
  return text.empty() ? 0 : 1 + std::count(text.begin(), text.end(), ' ');
}

std::string beginning(const std::string& text, std::int64_t n) {
  std::size_t end = 0;
  for (; n > 0; --n) end = text.find(' ', end) + 1;
  return text.substr(0, end);
}

TEST(MadePrompts, HaveTheLengthsThatAreAskedFor) {
  const MadePrompts made{.prompt_tokens = {30, 40}, .answer_tokens = {1, 3}, .seed = 7};
  std::set<std::int64_t> lengths, answers;
  for (std::uint64_t i = 0; i < 500; ++i) {
    const LoadPrompt prompt = make_prompt(made, i);
    lengths.insert(n_words(prompt.text));
    answers.insert(prompt.max_tokens);
  }
  EXPECT_EQ(lengths.size(), 11U);  // each of them, in 500 draws
  EXPECT_EQ(*lengths.begin(), 30);
  EXPECT_EQ(*lengths.rbegin(), 40);
  EXPECT_EQ(answers, (std::set<std::int64_t>{1, 2, 3}));
}

TEST(MadePrompts, DifferFromTheirBeginningOn) {
  const MadePrompts made{.prompt_tokens = {100, 100}, .answer_tokens = {1, 1}, .seed = 1};
  std::set<std::string> beginnings;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    beginnings.insert(beginning(make_prompt(made, i).text, 8));
  }
  EXPECT_EQ(beginnings.size(), 1000U);
}

TEST(MadePrompts, ShareWhatTheyShould) {
  const MadePrompts made{
      .prompt_tokens = {5, 9}, .answer_tokens = {1, 1}, .n_shared_tokens = 50, .seed = 3};
  std::set<std::string> shared, whole;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const std::string text = make_prompt(made, i).text;
    shared.insert(beginning(text, 50));
    whole.insert(text);
    EXPECT_GE(n_words(text), 55);
    EXPECT_LE(n_words(text), 59);
  }
  EXPECT_EQ(shared.size(), 1U);
  EXPECT_EQ(whole.size(), 20U);
}

TEST(MadePrompts, FollowFromTheSeed) {
  MadePrompts made{.prompt_tokens = {5, 50}, .answer_tokens = {1, 9}, .seed = 3};
  const std::string text = make_prompt(made, 4).text;
  EXPECT_EQ(make_prompt(made, 4).text, text);
  made.seed = 4;
  EXPECT_NE(make_prompt(made, 4).text, text);
}

Result<std::vector<LoadPrompt>> read(const std::string& text) {
  const TempDir dir;
  const auto path = dir.path() / "prompts.jsonl";
  std::ofstream(path) << text;
  return read_prompts(path, {.answer_tokens = {11, 11}});
}

TEST(ReadPrompts, TakesPromptsAndMessages) {
  const auto prompts = read(
      "{\"prompt\": \"Hi \\u00e9\", \"max_tokens\": 5, \"name\": 1}\r\n\n"
      "{\"messages\": [{\"role\": \"user\", \"content\": \"Ho\"}]}");
  ASSERT_TRUE(prompts) << prompts.error().message;
  ASSERT_EQ(prompts->size(), 2U);
  EXPECT_EQ(prompts->at(0).text, "Hi é");
  EXPECT_EQ(prompts->at(0).max_tokens, 5);
  EXPECT_EQ(prompts->at(1).messages, R"([{"role":"user","content":"Ho"}])");
  EXPECT_EQ(prompts->at(1).max_tokens, 11);
}

TEST(ReadPrompts, NamesTheLineThatIsWrong) {
  const auto message = [](const std::string& text) {
    const auto prompts = read("{\"prompt\": \"Hi\"}\n" + text);
    return prompts ? "" : prompts.error().message;
  };
  for (const char* line : {"{", "[]", "{}", "{\"prompt\": 5}", "{\"messages\": \"Hi\"}",
                           "{\"prompt\": \"Hi\", \"max_tokens\": -1}"}) {
    EXPECT_NE(message(line).find("line 2: "), std::string::npos) << line << ": " << message(line);
  }
  EXPECT_FALSE(read(" \n"));
  EXPECT_EQ(read_prompts("/nowhere", {}).error().kind, ErrorKind::kNotFound);
}

TEST(PoissonArrivals, ComeAtTheRateWithExponentialGaps) {
  constexpr int kN = 100'000;
  PoissonArrivals arrivals(50, 9);
  double last_s = 0, squares = 0;
  for (int i = 0; i < kN; ++i) {
    const double at_s = static_cast<double>(arrivals.next_ns()) * 1e-9;
    ASSERT_GE(at_s, last_s);
    squares += (at_s - last_s) * (at_s - last_s);
    last_s = at_s;
  }
  EXPECT_NEAR(kN / last_s, 50, 0.5);                 // three standard errors
  EXPECT_NEAR(squares / kN, 2.0 / (50 * 50), 2e-5);  // the second moment of an exponential
}

TEST(PoissonArrivals, FollowFromTheSeed) {
  PoissonArrivals a(1, 5), b(1, 5), other(1, 6);
  const std::int64_t first = a.next_ns();
  EXPECT_EQ(b.next_ns(), first);
  EXPECT_NE(other.next_ns(), first);
}

}  // namespace
}  // namespace slip::test
