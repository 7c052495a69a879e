#include <boost/json/array.hpp>

#include "formats/json.h"
#include "serve/openai/requests.h"
#include "text/template/json_value.h"

namespace slip {
namespace {

// A text, or parts of type text. Parts become lines of one text, which every template takes.
Reply<std::string> parse_content(const Fields& message, const boost::json::value& content) {
  if (content.is_string()) return std::string(content.get_string());
  if (!content.is_array()) {
    return message.wrong_type("content", "a string or an array of parts", content);
  }
  std::string text;
  std::size_t index = 0;
  for (const auto& part : content.get_array()) {
    const std::string name = fmt::format("content[{}]", index);
    if (!part.is_object()) return message.wrong_type(name, "an object", part);
    const Fields fields(part.get_object(), message.path(name) + ".");
    const std::string type = SLIP_TRY(fields.required_string("type"));
    if (type != "text") {
      return bad_field(fields.path("type"), "invalid_value",
                       "expected 'text', got '{}': the model takes text alone", type);
    }
    if (index++ > 0) text += '\n';
    text += SLIP_TRY(fields.required_string("text"));
  }
  return text;
}

Reply<tmpl::Value> parse_tool_calls(const Fields& message) {
  const boost::json::array* calls = SLIP_TRY(message.array("tool_calls"));
  if (calls == nullptr) return tmpl::Value();
  std::size_t index = 0;
  for (const auto& call : *calls) {
    const std::string name = fmt::format("tool_calls[{}]", index++);
    if (!call.is_object()) return message.wrong_type(name, "an object", call);
    const Fields fields(call.get_object(), message.path(name) + ".");
    SLIP_TRY(fields.require("function"));
    const Fields function(*SLIP_TRY(fields.object("function")), fields.path("function."));
    SLIP_TRY(function.required_string("name"));
  }
  return tmpl::to_value(*message.find("tool_calls"));
}

Reply<ChatMessage> parse_message(const Fields& message) {
  ChatMessage parsed;
  parsed.role = SLIP_TRY(message.required_string("role"));
  // OpenAI's newer name, which published templates don't know.
  if (parsed.role == "developer") parsed.role = "system";
  for (const char* role : {"system", "user", "assistant", "tool", "function", "ipython"}) {
    if (parsed.role == role) break;
    if (role == std::string_view("ipython")) {
      return bad_field(message.path("role"), "invalid_value",
                       "expected system, developer, user, assistant or tool, got '{}'",
                       parsed.role);
    }
  }
  parsed.tool_calls = SLIP_TRY(parse_tool_calls(message));
  const boost::json::value* content = message.find("content");
  if (content != nullptr) {
    parsed.content = tmpl::Value(SLIP_TRY(parse_content(message, *content)));
  } else if (parsed.role == "assistant") {
    // A turn of calls alone. Templates expect the key, and many a text.
    parsed.content = tmpl::Value(std::string());
  } else {
    SLIP_TRY(message.require("content"));
  }
  const auto text = [&](const char* name, tmpl::Value& target) -> Reply<> {
    if (auto value = SLIP_TRY(message.string(name))) target = tmpl::Value(std::move(*value));
    return {};
  };
  SLIP_TRY(text("tool_call_id", parsed.tool_call_id));
  SLIP_TRY(text("name", parsed.name));
  SLIP_TRY(text("reasoning_content", parsed.reasoning_content));
  return parsed;
}

Reply<> parse_tools(const Fields& body, ChatRequest& request) {
  const boost::json::array* tools = SLIP_TRY(body.array("tools"));
  if (tools == nullptr) return {};
  if (tools->size() > kMaxTools) {
    return bad_field(body.path("tools"), "invalid_value", "expected at most {}, got {}", kMaxTools,
                     tools->size());
  }
  std::size_t index = 0;
  for (const auto& tool : *tools) {
    const std::string name = fmt::format("tools[{}]", index++);
    if (!tool.is_object()) return body.wrong_type(name, "an object", tool);
    const Fields fields(tool.get_object(), body.path(name) + ".");
    const std::string type = SLIP_TRY(fields.required_string("type"));
    if (type != "function") {
      return bad_field(fields.path("type"), "invalid_value", "expected 'function', got '{}'", type);
    }
    SLIP_TRY(fields.require("function"));
    const Fields function(*SLIP_TRY(fields.object("function")), fields.path("function."));
    SLIP_TRY(function.required_string("name"));
  }
  request.tools = *tools;
  return {};
}

bool has_tool(const boost::json::array& tools, std::string_view name) {
  for (const auto& tool : tools) {
    if (tool.at("function").at("name").get_string() == name) return true;
  }
  return false;
}

Reply<ToolChoice> parse_tool_choice(const Fields& body, const boost::json::array& tools) {
  using Kind = ToolChoice::Kind;
  const boost::json::value* value = body.find("tool_choice");
  if (value == nullptr) return ToolChoice{.kind = tools.empty() ? Kind::kNone : Kind::kAuto};
  ToolChoice choice;
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    if (text == "none") return ToolChoice{.kind = Kind::kNone};
    if (text != "auto" && text != "required") {
      return bad_field(body.path("tool_choice"), "invalid_value",
                       "expected none, auto, required or a function, got '{}'", text);
    }
    choice.kind = text == "auto" ? Kind::kAuto : Kind::kRequired;
  } else if (value->is_object()) {
    const Fields fields(value->get_object(), body.path("tool_choice."));
    SLIP_TRY(fields.require("function"));
    const Fields function(*SLIP_TRY(fields.object("function")), fields.path("function."));
    choice.kind = Kind::kFunction;
    choice.name = SLIP_TRY(function.required_string("name"));
    if (!has_tool(tools, choice.name)) {
      return bad_field(function.path("name"), "invalid_value", "'{}' is not among the tools",
                       choice.name);
    }
  } else {
    return body.wrong_type("tool_choice", "a string or an object", *value);
  }
  if (tools.empty() && choice.kind != Kind::kAuto) {
    return bad_field(body.path("tool_choice"), "invalid_value", "expected it with tools only");
  }
  if (tools.empty()) choice.kind = Kind::kNone;
  return choice;
}

Reply<int> parse_logprobs(const Fields& body) {
  const bool wanted = SLIP_TRY(body.boolean("logprobs")).value_or(false);
  const auto top = SLIP_TRY(body.integer("top_logprobs", {0, 20}));
  if (top && !wanted) {
    return bad_field(body.path("top_logprobs"), "invalid_value",
                     "expected it with logprobs: true only");
  }
  return wanted ? static_cast<int>(top.value_or(0)) : -1;
}

}  // namespace

Reply<std::vector<ChatMessage>> parse_messages(const Fields& body) {
  SLIP_TRY(body.require("messages"));
  const boost::json::array& list = *SLIP_TRY(body.array("messages"));
  if (list.empty() || list.size() > kMaxMessages) {
    return bad_field(body.path("messages"), "invalid_value", "expected 1 … {} messages, got {}",
                     kMaxMessages, list.size());
  }
  std::vector<ChatMessage> messages;
  messages.reserve(list.size());
  for (const auto& item : list) {
    const std::string name = fmt::format("messages[{}]", messages.size());
    if (!item.is_object()) return body.wrong_type(name, "an object", item);
    messages.push_back(SLIP_TRY(parse_message(Fields(item.get_object(), body.path(name) + "."))));
  }
  return messages;
}

Reply<ChatRequest> parse_chat_request(const Fields& body, const SamplingParams& defaults) {
  ChatRequest request;
  request.model = SLIP_TRY(body.string("model")).value_or("");
  request.messages = SLIP_TRY(parse_messages(body));
  request.options = SLIP_TRY(parse_generation_options(body, defaults));
  // The newer name wins.
  const auto older = SLIP_TRY(parse_answer_tokens(body, "max_tokens"));
  const auto newer = SLIP_TRY(parse_answer_tokens(body, "max_completion_tokens"));
  request.options.max_tokens = newer ? *newer : older.value_or(-1);
  request.options.n_logprobs = SLIP_TRY(parse_logprobs(body));
  SLIP_TRY(parse_tools(body, request));
  request.tool_choice = SLIP_TRY(parse_tool_choice(body, request.tools));
  const bool must_call = request.tool_choice.kind == ToolChoice::Kind::kRequired ||
                         request.tool_choice.kind == ToolChoice::Kind::kFunction;
  if (must_call && request.options.format.kind == ResponseFormat::Kind::kGrammar) {
    return bad_field(body.path("grammar"), "invalid_value",
                     "expected none with a tool_choice that demands a call");
  }
  request.parallel_tool_calls = SLIP_TRY(body.boolean("parallel_tool_calls")).value_or(true);
  request.add_generation_prompt = SLIP_TRY(body.boolean("add_generation_prompt")).value_or(true);
  if (const auto* variables = SLIP_TRY(body.object("chat_template_kwargs"))) {
    for (const auto& [name, value] : *variables) {
      request.variables.emplace_back(std::string(name), tmpl::to_value(value));
    }
  }
  return request;
}

}  // namespace slip
