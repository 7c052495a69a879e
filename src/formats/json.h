// JSON from outside: bounded parsing, and typed access with messages that name file and key.
// Includes Boost.JSON's forward declarations only; who builds or walks values includes the rest.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

// tokenizer.json of the largest published vocabularies is 35 MB.
inline constexpr std::uint64_t kMaxJsonBytes = std::uint64_t{512} << 20;
// Boost.JSON's default is 32; nested templates and schemas go beyond.
inline constexpr std::size_t kMaxJsonDepth = 256;

// `name` stands at the beginning of messages: "config.json: byte 17: expected JSON, got syntax
// error". Of a repeated key the last value counts, as in Python. Text must be UTF-8.
Result<boost::json::value> parse_json(std::string_view text, std::string_view name);

// The same for a file. Errors: kNotFound, kIo; kLimit above kMaxJsonBytes.
Result<boost::json::value> read_json(const std::filesystem::path& path);

// A text file's bytes. Errors: kNotFound, kIo; kLimit above `max_bytes`.
Result<std::string> read_text(const std::filesystem::path& path,
                              std::uint64_t max_bytes = kMaxJsonBytes);

// A view of a JSON object that checks what it hands out. Messages have the shape
// "config.json: key rope_scaling.factor: expected a number, got a string". The object must outlive
// the view; copying it is cheap.
//
// A key whose value is null counts as absent, as Hugging Face's configs mean it: kNotFound from the
// plain getters, the fallback from the others. A value of another type is kInvalid from both.
class JsonView {
 public:
  // `name` is the file's, for messages.
  JsonView(const boost::json::object& object, std::string name);

  const boost::json::object& raw() const { return *object_; }
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  // Null when absent or null.
  const boost::json::value* find(std::string_view key) const;

  Result<std::string> string(std::string_view key) const;
  Result<std::int64_t> integer(std::string_view key) const;  // 3.0 is an integer too
  Result<double> number(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<std::vector<std::string>> strings(std::string_view key) const;
  Result<std::vector<std::int64_t>> integers(std::string_view key) const;
  Result<std::vector<double>> numbers(std::string_view key) const;
  Result<JsonView> object(std::string_view key) const;
  // Each element must be an object.
  Result<std::vector<JsonView>> objects(std::string_view key) const;

  Result<std::string> string_or(std::string_view key, std::string fallback) const;
  Result<std::int64_t> integer_or(std::string_view key, std::int64_t fallback) const;
  Result<double> number_or(std::string_view key, double fallback) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;

 private:
  JsonView(const boost::json::object& object, std::string name, std::string prefix);
  tl::unexpected<Error> absent(std::string_view key) const;
  tl::unexpected<Error> wrong_type(std::string_view key, const char* expected,
                                   const boost::json::value& value) const;
  template <class T, class F>
  Result<T> scalar(std::string_view key, const char* expected, F&& convert) const;
  template <class T, class F>
  Result<std::vector<T>> list(std::string_view key, const char* expected, F&& convert) const;

  const boost::json::object* object_;
  std::string name_;
  std::string prefix_;  // "rope_scaling." within that object
};

// "an object", "a string" …, for messages.
const char* json_kind(const boost::json::value& value);

}  // namespace slip
