// Requests of the OpenAI API: what they mean, and what is wrong with bad ones.
#include "serve/openai/requests.h"

#include <gtest/gtest.h>

namespace slip {
namespace {

const SamplingParams kDefaults{.temperature = 0.7f, .top_k = 40};

Reply<ChatRequest> chat(std::string_view body) {
  const auto object = SLIP_TRY(parse_body(body));
  return parse_chat_request(Fields(object), kDefaults);
}

Reply<CompletionRequest> completion(std::string_view body) {
  const auto object = SLIP_TRY(parse_body(body));
  return parse_completion_request(Fields(object), kDefaults);
}

// A chat request with one message and these fields more.
std::string with(std::string_view fields) {
  return R"({"messages": [{"role": "user", "content": "hi"}], )" + std::string(fields) + "}";
}

TEST(ChatRequest, DefaultsAreTheServers) {
  const auto request = chat(with(R"("unknown": [1], "temperature": null)"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->options.sampling.temperature, 0.7f);
  EXPECT_EQ(request->options.sampling.top_k, 40);
  EXPECT_EQ(request->options.max_tokens, -1);
  EXPECT_EQ(request->options.n, 1);
  EXPECT_EQ(request->options.n_logprobs, -1);
  EXPECT_FALSE(request->options.stream);
  EXPECT_EQ(request->tool_choice.kind, ToolChoice::Kind::kNone);
}

TEST(ChatRequest, TakesEveryField) {
  const auto request = chat(with(R"(
      "model": "m", "temperature": 0, "top_p": 0.5, "top_k": -1, "min_p": 0.1, "typical_p": 0.9,
      "repeat_penalty": 1.1, "presence_penalty": 1, "frequency_penalty": -1, "seed": 7, "n": 3,
      "stop": ["a", "b"], "logit_bias": {"5": -100}, "max_tokens": 9, "max_completion_tokens": 8,
      "logprobs": true, "top_logprobs": 4, "stream": true, "ignore_eos": true,
      "stream_options": {"include_usage": true}, "response_format": {"type": "json_object"},
      "chat_template_kwargs": {"enable_thinking": false})"));
  ASSERT_TRUE(request) << request.error().message;
  const GenerationOptions& o = request->options;
  EXPECT_EQ(request->model, "m");
  EXPECT_EQ(o.sampling.temperature, 0);
  EXPECT_EQ(o.sampling.top_k, 0);
  EXPECT_EQ(o.sampling.seed, 7u);
  EXPECT_EQ(o.sampling.logit_bias.at(5), -100);
  EXPECT_EQ(o.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(o.max_tokens, 8);
  EXPECT_EQ(o.n, 3);
  EXPECT_EQ(o.n_logprobs, 4);
  EXPECT_TRUE(o.stream && o.include_usage && o.ignore_eos);
  EXPECT_EQ(o.format.kind, ResponseFormat::Kind::kJsonObject);
  ASSERT_EQ(request->variables.size(), 1u);
  EXPECT_EQ(request->variables[0].first, "enable_thinking");
}

TEST(ChatRequest, MessagesComeInManyForms) {
  const auto request = chat(R"({"messages": [
      {"role": "developer", "content": "d"},
      {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": null,
       "tool_calls": [{"id": "c", "type": "function",
                       "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "c", "content": "12"}]})");
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->messages.size(), 4u);
  EXPECT_EQ(request->messages[0].role, "system");
  EXPECT_EQ(request->messages[1].content.string(), "a\nb");
  EXPECT_EQ(request->messages[2].content.string(), "");
  EXPECT_TRUE(request->messages[2].tool_calls.is_list());
  EXPECT_EQ(request->messages[3].tool_call_id.string(), "c");
}

struct BadRequest {
  std::string body;
  std::string param, code, message;  // the message's beginning
};

const std::vector<BadRequest> kBadRequests{
    {"{", "", "", "body: "},
    {"[]", "", "", "body: expected a JSON object, got an array"},
    {"{}", "messages", "missing_required_parameter", "messages: expected a value, got none"},
    {R"({"messages": []})", "messages", "invalid_value",
     "messages: expected 1 … 16384 messages, got 0"},
    {R"({"messages": "x"})", "messages", "invalid_type",
     "messages: expected an array, got a string"},
    {R"({"messages": [1]})", "messages[0]", "invalid_type", "messages[0]: expected an object"},
    {R"({"messages": [{"content": "x"}]})", "messages[0].role", "missing_required_parameter",
     "messages[0].role: "},
    {R"({"messages": [{"role": "bot", "content": "x"}]})", "messages[0].role", "invalid_value",
     "messages[0].role: expected system, developer, user, assistant or tool, got 'bot'"},
    {R"({"messages": [{"role": "user"}]})", "messages[0].content", "missing_required_parameter",
     "messages[0].content: "},
    {R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})",
     "messages[0].content[0].type", "invalid_value",
     "messages[0].content[0].type: expected 'text', got 'image_url'"},
    {with(R"("temperature": 3)"), "temperature", "invalid_value",
     "temperature: expected 0 … 2, got 3"},
    {with(R"("temperature": "hot")"), "temperature", "invalid_type",
     "temperature: expected a number, got a string"},
    {with(R"("n": 0)"), "n", "invalid_value", "n: expected 1 … 128, got 0"},
    {with(R"("n": 1.5)"), "n", "invalid_type", "n: expected an integer, got a number"},
    {with(R"("max_tokens": 0)"), "max_tokens", "invalid_value", "max_tokens: "},
    {with(R"("max_tokens": -2)"), "max_tokens", "invalid_value", "max_tokens: "},
    {with(R"("max_completion_tokens": 0)"), "max_completion_tokens", "invalid_value",
     "max_completion_tokens: expected 1 … 2147483648, or -1 for all that there is room for, got 0"},
    {with(R"("grammar": "root ::= \"a\"", "response_format": {"type": "json_object"})"), "grammar",
     "invalid_value", "grammar: expected one of grammar, json_schema and response_format, got 2"},
    {with(R"("json_schema": {}, "response_format": {"type": "json_object"})"), "json_schema",
     "invalid_value", "json_schema: expected one of"},
    {with(R"("grammar": "root ::= \"a\"", "tool_choice": "required", "tools": [
        {"type": "function", "function": {"name": "f"}}])"),
     "grammar", "invalid_value", "grammar: expected none with a tool_choice"},
    {with(R"("stop": [1])"), "stop", "invalid_type", "stop: expected an array of strings"},
    {with(R"("stop": "")"), "stop", "invalid_value", "stop: expected strings of 1 … 1024 bytes"},
    {with(R"("logit_bias": {"x": 1})"), "logit_bias", "invalid_value",
     "logit_bias: expected token ids, got 'x'"},
    {with(R"("logit_bias": {"1": 101})"), "logit_bias", "invalid_value", "logit_bias: token 1"},
    {with(R"("top_logprobs": 2)"), "top_logprobs", "invalid_value", "top_logprobs: "},
    {with(R"("stream_options": {})"), "stream_options", "invalid_value", "stream_options: "},
    {with(R"("tool_choice": "required")"), "tool_choice", "invalid_value", "tool_choice: "},
    {with(R"("tools": [{"type": "x"}])"), "tools[0].type", "invalid_value", "tools[0].type: "},
    {with(R"("response_format": {"type": "xml"})"), "response_format.type", "invalid_value",
     "response_format.type: expected text, json_object or json_schema, got 'xml'"},
    {with(R"("response_format": {"type": "json_schema"})"), "response_format.json_schema",
     "missing_required_parameter", "response_format.json_schema: "},
};

TEST(ChatRequest, ErrorsNameTheField) {
  for (const BadRequest& c : kBadRequests) {
    const auto request = chat(c.body);
    ASSERT_FALSE(request) << c.body;
    const ApiError& error = request.error();
    EXPECT_EQ(error.status, 400) << c.body;
    EXPECT_EQ(error.param, c.param) << c.body;
    EXPECT_EQ(error.code, c.code) << c.body;
    EXPECT_TRUE(error.message.starts_with(c.message)) << error.message;
  }
}

TEST(CompletionRequest, PromptsAreTextsOrTokens) {
  using Tokens = std::vector<std::int32_t>;
  const auto prompts = [](std::string_view prompt) {
    return completion(fmt::format(R"({{"prompt": {}}})", prompt)).value().prompts;
  };
  EXPECT_EQ(prompts(R"("a")"), (std::vector<Prompt>{"a"}));
  EXPECT_EQ(prompts(R"(["a", "b"])"), (std::vector<Prompt>{"a", "b"}));
  EXPECT_EQ(prompts("[1, 2]"), (std::vector<Prompt>{Tokens{1, 2}}));
  EXPECT_EQ(prompts(R"([[1], "b", [2, 3]])"),
            (std::vector<Prompt>{Tokens{1}, std::string("b"), Tokens{2, 3}}));
  for (const char* bad : {"[]", "{}", "3", "[[]]", "[1, \"a\"]", "[-1]", "[[1.5]]"}) {
    EXPECT_FALSE(completion(fmt::format(R"({{"prompt": {}}})", bad))) << bad;
  }
}

TEST(ChatRequest, AnswersMayGoOnUntilTheContextIsFull) {
  EXPECT_EQ(chat(with(R"("max_tokens": -1)"))->options.max_tokens, -1);
  EXPECT_EQ(chat(with(R"("max_tokens": null)"))->options.max_tokens, -1);
  EXPECT_EQ(chat(with(R"("max_completion_tokens": -1, "max_tokens": 5)"))->options.max_tokens, -1);
  EXPECT_EQ(completion(R"({"prompt": "a", "max_tokens": -1})")->options.max_tokens, -1);
  EXPECT_EQ(completion(R"({"prompt": "a", "max_tokens": null})")->options.max_tokens, 16);
}

TEST(ChatRequest, AGrammarGoesWithAnyTextAsResponseFormat) {
  const auto request =
      chat(with(R"("grammar": "root ::= \"a\"", "response_format": {"type": "text"})"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->options.format.kind, ResponseFormat::Kind::kGrammar);
}

TEST(CompletionRequest, LimitsFollowOpenAi) {
  EXPECT_EQ(completion(R"({"prompt": "a"})")->options.max_tokens, 16);
  EXPECT_FALSE(completion(R"({"prompt": "a", "max_tokens": 0})"));
  const auto scored =
      completion(R"({"prompt": "a", "max_tokens": 0, "echo": true, "logprobs": 1})");
  ASSERT_TRUE(scored) << scored.error().message;
  EXPECT_TRUE(scored->echo);
  EXPECT_EQ(scored->options.n_logprobs, 1);
  EXPECT_FALSE(completion(R"({"prompt": "a", "best_of": 2})"));
  EXPECT_FALSE(completion(R"({"prompt": "a", "suffix": "b"})"));
}

TEST(ApiError, IsOpenAisObject) {
  EXPECT_EQ(to_json({.message = "m", .param = "p", .code = "c"}),
            R"({"error":{"message":"m","type":"invalid_request_error","param":"p","code":"c"}})");
  EXPECT_EQ(to_json({.status = 503, .message = "Loading model"}),
            R"({"error":{"message":"Loading model","type":"unavailable_error","param":null,)"
            R"("code":null}})");
  EXPECT_EQ(to_json({.message = "m", .context = ApiError::Context{.n_prompt = 9, .n_ctx = 8}}),
            R"({"error":{"message":"m","type":"exceed_context_size_error","param":null,)"
            R"("code":null,"n_prompt_tokens":9,"n_ctx":8}})");
}

}  // namespace
}  // namespace slip
