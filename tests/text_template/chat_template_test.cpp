#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "text/template/json_value.h"

namespace slip {
namespace {

using tmpl::Value;

ChatTemplate load(const std::string& name) {
  std::ifstream file(std::string(SLIP_TEST_DATA) + "/templates/models/" + name + ".jinja");
  std::stringstream source;
  source << file.rdbuf();
  return ChatTemplate::create(source.str(), "<s>", "</s>").value();
}

Value json(const char* text) {
  return tmpl::to_value(boost::json::parse(text));
}

ChatMessage message(std::string role, Value content) {
  ChatMessage m;
  m.role = std::move(role);
  m.content = std::move(content);
  return m;
}

TEST(ChatTemplate, RendersSmolLm2) {
  const ChatTemplate chat = load("smollm2");
  EXPECT_EQ(chat.apply({message("user", Value("What is the capital of France?"))}).value(),
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n"
            "<|im_start|>assistant\n");
  ChatOptions options;
  options.generation_prompt = ChatOptions::GenerationPrompt::kOmit;
  EXPECT_EQ(
      chat.apply({message("system", Value("Hm.")), message("user", Value("1"))}, options).value(),
      "<|im_start|>system\nHm.<|im_end|>\n<|im_start|>user\n1<|im_end|>\n");
}

TEST(ChatTemplate, PassesToolsCallsAndVariables) {
  const auto chat = ChatTemplate::create(
      "{{ tools[0].function.name }} {{ mode }} {{ documents is none }} {{ eos_token }} "
      "{{ bos_token is defined }} {% for m in messages %}{{ m.role }}: {{ m.content }} "
      "{{ m.thinking }} {{ m.name }} {{ m.tool_call_id }} "
      "{% for c in m.tool_calls %}{{ c.id }} {{ c.function.arguments|tojson }}{% endfor %}\n"
      "{% endfor %}",
      "", "</s>");
  ASSERT_TRUE(chat.has_value());
  ChatMessage call = message("assistant", Value(nullptr));
  call.reasoning_content = Value("hm");
  call.tool_calls = json(R"([{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}},
                             {"id": "c2", "function": {"name": "f", "arguments": "{\"b\":[2]}"}},
                             {"id": "c3", "function": {"name": "f", "arguments": "not json"}}])");
  ChatMessage answer = message("tool", Value("5"));
  answer.tool_call_id = Value("c1");
  answer.name = Value("f");
  ChatOptions options;
  options.tools = json(R"([{"type": "function", "function": {"name": "f"}}])");
  options.variables = {{"mode", Value("fast")}};
  EXPECT_EQ(chat->apply({call, answer}, options).value(),
            "f fast True </s> False assistant: None hm   c1 {\"a\": 1}c2 {\"b\": [2]}"
            "c3 \"not json\"tool: 5  f c1 ");
}

TEST(ChatTemplate, CarriesTheTemplatesOwnErrors) {
  const ChatTemplate chat = load("own_llama2");
  const auto text = chat.apply({message("assistant", Value("?"))});
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().message,
            "template line 10: Roles must alternate: user, assistant, user, …");
  EXPECT_FALSE(ChatTemplate::create("{% if %}", "", "").has_value());
}

TEST(ChatTemplate, TakesAnyJsonAsText) {
  const auto chat = ChatTemplate::create("{{ tools|tojson }}", "", "").value();
  ChatOptions options;
  options.tools = json(R"([1, 18446744073709551615, -1.5, "é\n", {"z": null, "a": [true]}])");
  EXPECT_EQ(chat.apply({}, options).value(),
            R"([1, 1.8446744073709552e+19, -1.5, "é\n", {"z": null, "a": [true]}])");
}

}  // namespace
}  // namespace slip
