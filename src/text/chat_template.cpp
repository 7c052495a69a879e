#include "text/chat_template.h"

#include <boost/json/parse.hpp>

#include "text/template/json_value.h"

namespace slip {
namespace {

using tmpl::Dict;
using tmpl::Value;
using tmpl::ValueList;

Value make_value(Dict dict) {
  return Value(std::shared_ptr<const Dict>(std::make_shared<Dict>(std::move(dict))));
}

// The dict with another value for `key`, in the same place.
Value with_entry(const Value& dict, std::string_view key, Value value) {
  Dict copy = dict.dict();
  copy.set(key, std::move(value));
  return make_value(std::move(copy));
}

// Arguments that are the text of a JSON object become that object; others stay.
Value parse_arguments(const Value& call) {
  if (!call.is_dict()) return call;
  const Value* function = call.dict().find("function");
  if (function == nullptr || !function->is_dict()) return call;
  const Value* arguments = function->dict().find("arguments");
  if (arguments == nullptr || !arguments->is_string()) return call;
  boost::json::error_code error;
  const boost::json::value json = boost::json::parse(arguments->string(), error);
  if (error || !json.is_object()) return call;
  return with_entry(call, "function", with_entry(*function, "arguments", tmpl::to_value(json)));
}

Value parse_tool_calls(const Value& calls) {
  if (!calls.is_list()) return calls;
  ValueList parsed;
  for (const Value& call : calls.items()) parsed.push_back(parse_arguments(call));
  return Value::list(std::move(parsed));
}

Value to_dict(const ChatMessage& message) {
  Dict dict;
  // Templates call a model's thoughts by either name.
  if (!message.reasoning_content.is_undefined()) dict.set("thinking", message.reasoning_content);
  dict.set("role", Value(message.role));
  const auto add = [&dict](std::string_view key, const Value& value) {
    if (!value.is_undefined()) dict.set(key, value);
  };
  add("content", message.content);
  add("reasoning_content", message.reasoning_content);
  add("tool_calls", parse_tool_calls(message.tool_calls));
  add("tool_call_id", message.tool_call_id);
  add("name", message.name);
  return make_value(std::move(dict));
}

}  // namespace

Result<ChatTemplate> ChatTemplate::create(std::string_view source, std::string bos_token,
                                          std::string eos_token) {
  tmpl::Template parsed = SLIP_TRY(tmpl::Template::parse(source));
  return ChatTemplate(std::move(parsed), std::move(bos_token), std::move(eos_token));
}

Result<std::string> ChatTemplate::apply(const std::vector<ChatMessage>& messages,
                                        const ChatOptions& options) const {
  ValueList list;
  list.reserve(messages.size());
  for (const ChatMessage& message : messages) list.push_back(to_dict(message));
  Dict context;
  context.set("messages", Value::list(std::move(list)));
  context.set("tools", options.tools);
  context.set("documents", options.documents);
  context.set("add_generation_prompt",
              Value(options.generation_prompt == ChatOptions::GenerationPrompt::kAdd));
  if (!bos_token_.empty()) context.set("bos_token", Value(bos_token_));
  if (!eos_token_.empty()) context.set("eos_token", Value(eos_token_));
  for (const auto& [name, value] : options.variables) context.set(name, value);
  return template_.render(make_value(std::move(context)),
                          {.now = options.now, .limits = options.limits});
}

}  // namespace slip
