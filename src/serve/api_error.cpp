#include "serve/api_error.h"

#include "text/json_writer.h"

namespace slip {

std::string_view error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "unavailable_error";
    case 504:
      return "timeout_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

std::string to_json(const ApiError& error) {
  const auto string_or_null = [](JsonWriter& json, const std::string& text) {
    if (text.empty()) {
      json.null();
    } else {
      json.string(text);
    }
  };
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.key("message").string(error.message);
  json.key("type").string(error.context ? "exceed_context_size_error" : error_type(error.status));
  json.key("param");
  string_or_null(json, error.param);
  json.key("code");
  string_or_null(json, error.code);
  if (error.context) {
    json.key("n_prompt_tokens").integer(error.context->n_prompt);
    json.key("n_ctx").integer(error.context->n_ctx);
  }
  return json.end_object().end_object().take_value();
}

ApiError to_api_error(const Error& error, std::string_view param) {
  ApiError result{.message = error.message, .param = std::string(param)};
  switch (error.kind) {
    case ErrorKind::kInvalid:
    case ErrorKind::kLimit:
      result.code = "invalid_value";
      break;
    case ErrorKind::kNotFound:
      result.status = 404;
      break;
    case ErrorKind::kUnsupported:
      // Clients try again what is the server's fault, and this is not.
      result.code = "unsupported_value";
      break;
    case ErrorKind::kIo:
    case ErrorKind::kCancelled:
      result.status = 500;
      break;
  }
  return result;
}

}  // namespace slip
