#include "measure/load/openai_wire.h"

#include <boost/json.hpp>

#include "formats/json.h"
#include "text/json_writer.h"

namespace slip {
namespace {

using boost::json::value;

constexpr std::size_t kMaxMessageBytes = 300;

// The element at "a", "b", … of nested objects; null where something else stands.
const value* at(const value& root, std::initializer_list<std::string_view> keys) {
  const value* found = &root;
  for (const std::string_view key : keys) {
    const boost::json::object* object = found->if_object();
    found = object == nullptr ? nullptr : object->if_contains(key);
    if (found == nullptr) return nullptr;
  }
  return found;
}

std::int64_t count_at(const value& root, std::initializer_list<std::string_view> keys) {
  const value* found = at(root, keys);
  if (found == nullptr || !found->is_number()) return 0;
  boost::json::error_code error;
  const auto number = found->to_number<std::int64_t>(error);
  return error ? 0 : number;
}

bool is_text(const value* found) {
  return found != nullptr && found->is_string() && !found->get_string().empty();
}

bool has_text(const value& choice) {
  if (is_text(at(choice, {"text"}))) return true;
  const value* delta = at(choice, {"delta"});
  if (delta == nullptr) return false;
  const value* tool_calls = at(*delta, {"tool_calls"});
  return is_text(at(*delta, {"content"})) || is_text(at(*delta, {"reasoning_content"})) ||
         is_text(at(*delta, {"reasoning"})) ||
         (tool_calls != nullptr && tool_calls->is_array() && !tool_calls->get_array().empty());
}

std::string message_of(const value& error) {
  if (error.is_string()) return std::string(error.get_string());
  const value* message = at(error, {"message"});
  if (is_text(message)) return std::string(message->get_string());
  return boost::json::serialize(error);
}

}  // namespace

std::string_view wire_target(LoadEndpoint endpoint) {
  return endpoint == LoadEndpoint::kChat ? "/chat/completions" : "/completions";
}

std::string wire_body(const WireOptions& options, const LoadPrompt& prompt) {
  JsonWriter json;
  json.begin_object();
  if (!options.model.empty()) json.key("model").string(options.model);
  if (options.endpoint == LoadEndpoint::kCompletions) {
    json.key("prompt").string(prompt.text);
  } else if (!prompt.messages.empty()) {
    json.key("messages").raw(prompt.messages);
  } else {
    json.key("messages").begin_array().begin_object().key("role").string("user");
    json.key("content").string(prompt.text).end_object().end_array();
  }
  json.key("max_tokens").integer(prompt.max_tokens);
  if (options.temperature) json.key("temperature").number(*options.temperature);
  if (options.ignore_eos) json.key("ignore_eos").boolean(true);
  json.key("stream").boolean(true);
  json.key("stream_options").begin_object().key("include_usage").boolean(true).end_object();
  return json.end_object().take_value();
}

Result<WireEvent> read_wire_event(std::string_view data) {
  if (data == "[DONE]") return WireEvent{.ends_answer = true};
  const value event = SLIP_TRY(parse_json(data, "event"));
  if (!event.is_object()) return invalid("event: expected an object, got {}", json_kind(event));
  WireEvent out;
  if (const value* error = at(event, {"error"}); error != nullptr && !error->is_null()) {
    out.error = message_of(*error);
    return out;
  }
  if (const value* choices = at(event, {"choices"}); choices != nullptr && choices->is_array()) {
    for (const value& choice : choices->get_array()) {
      out.has_text = out.has_text || has_text(choice);
      out.ends_answer = out.ends_answer || is_text(at(choice, {"finish_reason"}));
    }
  }
  if (const value* usage = at(event, {"usage"}); usage != nullptr && usage->is_object()) {
    out.usage = Usage{.prompt_tokens = count_at(*usage, {"prompt_tokens"}),
                      .cached_tokens = count_at(*usage, {"prompt_tokens_details", "cached_tokens"}),
                      .completion_tokens = count_at(*usage, {"completion_tokens"})};
  }
  return out;
}

std::string wire_error_message(std::string_view body) {
  std::string message(body);
  if (const auto parsed = parse_json(body, "error"); parsed) {
    const value* error = at(*parsed, {"error"});
    message = message_of(error == nullptr ? *parsed : *error);
  }
  if (message.size() > kMaxMessageBytes) message = message.substr(0, kMaxMessageBytes) + "…";
  return message;
}

Result<std::string> first_model_name(std::string_view body) {
  const value models = SLIP_TRY(parse_json(body, "models"));
  const value* data = at(models, {"data"});
  if (data != nullptr && data->is_array() && !data->get_array().empty()) {
    const value* id = at(data->get_array().front(), {"id"});
    if (is_text(id)) return std::string(id->get_string());
  }
  return invalid("models: expected {{\"data\": [{{\"id\": …}}]}}, got something else");
}

}  // namespace slip
