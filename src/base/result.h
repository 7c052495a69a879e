// Error values. Whatever the outside can get wrong (a file, a request, a flag) returns Result<T>;
// the message has the shape "what: expected …, got …" and names the path, tensor or field.
#pragma once

#include <fmt/core.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace slip {

enum class ErrorKind {
  kInvalid,      // malformed or inconsistent input
  kNotFound,     // a file, tensor, model or option that does not exist
  kUnsupported,  // well-formed, but not something this build can do
  kIo,           // the operating system refused: permission, full disk, …
  kLimit,        // a bound was exceeded: context length, memory budget, size limit
  kCancelled,    // stopped by the caller
};

struct Error {
  ErrorKind kind = ErrorKind::kInvalid;
  std::string message;
};

template <class T = void>
using Result = tl::expected<T, Error>;

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

// The common case: malformed input.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorKind::kInvalid, format, std::forward<Args>(args)...);
}

namespace detail {
template <class T, class E>
T take(tl::expected<T, E>&& result) {
  return std::move(*result);
}
template <class E>
void take(tl::expected<void, E>&&) {}
}  // namespace detail

// `auto x = SLIP_TRY(f());` unwraps a Result or returns its error from the enclosing function.
// A statement expression: GCC and clang both have it, and no other form works inside expressions.
#define SLIP_TRY(expression)                                                   \
  ({                                                                           \
    auto slip_result_ = (expression);                                          \
    if (!slip_result_) return tl::unexpected(std::move(slip_result_).error()); \
    ::slip::detail::take(std::move(slip_result_));                             \
  })

}  // namespace slip
