// What the library's functions return when they can fail.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace slipstream {

enum class ErrorKind {
  kInvalid,      // malformed or inconsistent input
  kNotFound,     // a file or tensor that does not exist
  kUnsupported,  // well-formed, but not something this build can do
  kIo,           // the operating system refused
  kLimit,        // a bound was exceeded: context length, memory
  kCancelled,    // stopped by the caller
  kInternal,     // a bug of the library
};

struct Error {
  ErrorKind kind = ErrorKind::kInvalid;
  std::string message;  // "what: expected …, got …"
};

// A value or an Error. Taking the one that isn't there is the caller's bug:
// std::bad_variant_access.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return content_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(content_); }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

}  // namespace slipstream
