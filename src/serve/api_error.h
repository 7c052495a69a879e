// What a client is told when its request can't be answered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slip {

// The body is OpenAI's: {"error": {"message", "type", "param", "code"}}, which llama-server and
// vLLM use as well. The type follows from the status.
struct ApiError {
  int status = 400;
  std::string message;
  std::string param = {};  // the request's field; empty: null
  std::string code = {};   // empty: null
  // A prompt that doesn't fit: type exceed_context_size_error, with these two, as llama-server.
  struct Context {
    std::int64_t n_prompt = 0;
    std::int64_t n_ctx = 0;
  };
  std::optional<Context> context = {};
  int retry_after_s = 0;  // of 429 and 503: the Retry-After header; 0: none
};

template <class T = void>
using Reply = tl::expected<T, ApiError>;

// "invalid_request_error" …; what OpenAI and llama-server call errors of the status.
std::string_view error_type(int status);
std::string to_json(const ApiError& error);
// How a protocol writes errors, as JSON; to_json for most.
using ErrorText = std::string (*)(const ApiError& error);

// kInvalid, kLimit and kUnsupported: 400, kNotFound: 404, the rest 500.
ApiError to_api_error(const Error& error, std::string_view param = {});

template <class T>
Reply<T> to_reply(Result<T> result, std::string_view param = {}) {
  if (!result) return tl::unexpected(to_api_error(result.error(), param));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

// A 400 for one field of the request.
template <class... Args>
[[nodiscard]] tl::unexpected<ApiError> bad_field(std::string_view param, std::string_view code,
                                                 fmt::format_string<Args...> format,
                                                 Args&&... args) {
  return tl::unexpected(ApiError{
      .message = std::string(param) + ": " + fmt::format(format, std::forward<Args>(args)...),
      .param = std::string(param),
      .code = std::string(code)});
}

}  // namespace slip
