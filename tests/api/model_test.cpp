#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "slipstream/slipstream.h"

namespace slipstream {
namespace {

const std::string kTiny = SLIP_TEST_DATA "/golden/llama/model.gguf";

Model load(const LoadOptions& options = {}) {
  auto model = Model::load(kTiny, options);
  if (!model) throw std::runtime_error(model.error().message);
  return std::move(*model);
}

TEST(Load, DescribesTheModel) {
  const Model model = load();
  EXPECT_EQ(model.family(), "llama");
  EXPECT_EQ(model.n_vocab(), 272);
  EXPECT_GT(model.n_ctx(), 0);
  EXPECT_GT(model.n_embed(), 0);
  EXPECT_FALSE(version().empty());
}

TEST(Load, FailsWithAMessage) {
  const auto missing = Model::load("/no/such/model.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find("model.gguf"), std::string::npos);
  const auto other = Model::load(SLIP_TEST_DATA "/golden/README.md");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kInvalid);
  EXPECT_FALSE(Model::load(kTiny, {.n_ctx = -1}));
}

TEST(Tokenize, GoesBothWays) {
  const Model model = load();
  const auto tokens = model.tokenize("some text", Special::kPlainText);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(*model.detokenize(*tokens), "some text");
}

TEST(Tokenize, RefusesNumbersThatAreNoTokens) {
  const Model model = load();
  for (const std::int32_t wrong : {-1, 272, 1 << 30}) {
    const std::vector<std::int32_t> tokens{65, wrong};
    const auto text = model.detokenize(tokens);
    ASSERT_FALSE(text) << wrong;
    EXPECT_EQ(text.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(text.error().message.find(std::to_string(wrong)), std::string::npos);
  }
  EXPECT_TRUE(model.detokenize(std::vector<std::int32_t>{0, 271}));
}

TEST(Generate, StreamsWhatItReturns) {
  Model model = load();
  std::string streamed;
  const auto result = model.generate(
      "abc", {.max_tokens = 12, .ignore_eos = true, .on_text = [&](std::string_view text) {
                streamed += text;
                return true;
              }});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->text, streamed);
  EXPECT_EQ(result->tokens.size(), 12u);
  EXPECT_EQ(result->finish_reason, FinishReason::kLength);
  const auto again = model.generate("abc", {.max_tokens = 12, .ignore_eos = true});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->tokens, result->tokens);
  EXPECT_EQ(again->n_cached_tokens, again->n_prompt_tokens - 1);
}

TEST(Generate, StopsWhenTheCallbackSaysSo) {
  Model model = load();
  int calls = 0;
  const auto result = model.generate(
      "abc", {.max_tokens = 50, .ignore_eos = true, .on_text = [&](std::string_view) {
                ++calls;
                return false;
              }});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(calls, 1);
  EXPECT_LT(result->tokens.size(), 50u);
}

TEST(Generate, LetsTheCallbacksExceptionThrough) {
  struct Mine {
    int calls;
  };
  Model model = load();
  GenerateOptions options{.max_tokens = 50, .ignore_eos = true};
  const auto expected = model.generate("abc", options);
  int calls = 0;
  options.on_text = [&](std::string_view) -> bool { throw Mine{++calls}; };
  EXPECT_THROW(static_cast<void>(model.generate("abc", options)), Mine);
  EXPECT_THROW(static_cast<void>(model.chat({{"user", "abc"}}, options)), Mine);
  EXPECT_EQ(calls, 2);
  options.on_text = [](std::string_view) -> bool { throw std::runtime_error("mine"); };
  EXPECT_THROW(static_cast<void>(model.generate("abc", options)), std::runtime_error);
  // The model stays usable.
  options.on_text = {};
  const auto again = model.generate("abc", options);
  ASSERT_TRUE(expected && again);
  EXPECT_EQ(again->tokens, expected->tokens);
}

TEST(Generate, RefusesWhatDoesNotFit) {
  Model model = load({.n_ctx = 8});
  const auto result = model.generate("a prompt of far more than eight tokens, whatever they are");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kLimit);
  EXPECT_FALSE(model.generate("a", {.temperature = -1}));
  EXPECT_FALSE(model.generate("a", {.max_tokens = -2}));
}

TEST(Chat, AppliesTheModelsTemplate) {
  Model model = load();  // its template is the messages' contents, one behind the other
  const std::vector<Message> messages{{"system", "be brief: "}, {"user", "hello"}};
  EXPECT_EQ(*model.apply_chat_template(messages), "be brief: hello");
  const auto answer = model.chat(messages, {.max_tokens = 4, .ignore_eos = true});
  const auto same = model.generate("be brief: hello", {.max_tokens = 4, .ignore_eos = true});
  ASSERT_TRUE(answer && same);
  EXPECT_EQ(answer->tokens, same->tokens);
}

TEST(Embed, IsTheMeanWhateverTheBatch) {
  Model whole = load(), cut = load({.batch_size = 2});
  const auto a = whole.embed("some words to embed");
  const auto b = cut.embed("some words to embed");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(*a, *b);
  EXPECT_EQ(static_cast<std::int64_t>(a->size()), whole.n_embed());
  const auto other = whole.embed("quite another text");
  ASSERT_TRUE(other);
  EXPECT_NE(*a, *other);
  EXPECT_FALSE(load({.n_ctx = 4}).embed("more than four tokens of text"));
}

TEST(Embed, LeavesGenerationAsItWas) {
  Model model = load();
  const auto before = model.generate("abc", {.max_tokens = 8, .ignore_eos = true});
  ASSERT_TRUE(model.embed("something in between"));
  const auto after = model.generate("abc", {.max_tokens = 8, .ignore_eos = true});
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->tokens, after->tokens);
}

TEST(Chat, ARealModelKnowsParis) {
  const char* folder = std::getenv("SLIPSTREAM_TEST_MODELS");
  const std::string path =
      std::string(folder == nullptr ? "" : folder) + "/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (folder == nullptr || !std::filesystem::exists(path)) GTEST_SKIP() << "no SmolLM2";
  auto model = Model::load(path);
  ASSERT_TRUE(model) << model.error().message;
  const std::vector<Message> messages{{"user", "What is the capital of France?"}};
  const auto answer = model->chat(messages, {.max_tokens = 40});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "The capital of France is Paris.");
  EXPECT_EQ(answer->finish_reason, FinishReason::kStop);
  EXPECT_NE(model->apply_chat_template(messages)->find("<|im_start|>user"), std::string::npos);
}

}  // namespace
}  // namespace slipstream
