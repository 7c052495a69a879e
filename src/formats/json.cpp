#include "formats/json.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <optional>
#include <utility>

#include "base/os/mapped_file.h"
#include "formats/shown.h"

namespace slip {
namespace {

namespace json = boost::json;

std::optional<std::string> to_string(const json::value& value) {
  if (const json::string* text = value.if_string()) return std::string(*text);
  return std::nullopt;
}

std::optional<double> to_number(const json::value& value) {
  if (const double* number = value.if_double()) return *number;
  if (const std::int64_t* number = value.if_int64()) return static_cast<double>(*number);
  if (const std::uint64_t* number = value.if_uint64()) return static_cast<double>(*number);
  return std::nullopt;
}

std::optional<std::int64_t> to_integer(const json::value& value) {
  if (const std::int64_t* number = value.if_int64()) return *number;
  if (const double* number = value.if_double()) {
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (std::trunc(*number) == *number && std::abs(*number) <= kExact) {
      return static_cast<std::int64_t>(*number);
    }
  }
  return std::nullopt;
}

std::optional<bool> to_boolean(const json::value& value) {
  if (const bool* flag = value.if_bool()) return *flag;
  return std::nullopt;
}

}  // namespace

Result<json::value> parse_json(std::string_view text, std::string_view name) {
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::stream_parser parser(json::storage_ptr(), options);
  json::error_code error;
  std::size_t n_read = parser.write_some(text.data(), text.size(), error);
  if (!error && n_read < text.size()) error = json::error::extra_data;
  if (!error) parser.finish(error);
  if (error) {
    return invalid("{}: byte {}: expected JSON, got {}", name, n_read, error.message());
  }
  return parser.release();
}

Result<std::string> read_text(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const MappedFile file = SLIP_TRY(MappedFile::open(path));
  if (file.bytes().size() > max_bytes) {
    return fail(ErrorKind::kLimit, "{}: expected at most {} bytes, got {}", path.string(),
                max_bytes, file.bytes().size());
  }
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

Result<json::value> read_json(const std::filesystem::path& path) {
  const std::string text = SLIP_TRY(read_text(path));
  return parse_json(text, path.string());
}

const char* json_kind(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

JsonView::JsonView(const json::object& object, std::string name)
    : JsonView(object, std::move(name), "") {}

JsonView::JsonView(const json::object& object, std::string name, std::string prefix)
    : object_(&object), name_(std::move(name)), prefix_(std::move(prefix)) {}

const json::value* JsonView::find(std::string_view key) const {
  const json::value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

tl::unexpected<Error> JsonView::absent(std::string_view key) const {
  return fail(ErrorKind::kNotFound, "{}: key {}{}: not in the file", name_, prefix_, key);
}

tl::unexpected<Error> JsonView::wrong_type(std::string_view key, const char* expected,
                                           const json::value& value) const {
  std::string got = json_kind(value);
  if (value.is_primitive() && !value.is_null()) got = shown(json::serialize(value));
  return invalid("{}: key {}{}: expected {}, got {}", name_, prefix_, key, expected, got);
}

template <class T, class F>
Result<T> JsonView::scalar(std::string_view key, const char* expected, F&& convert) const {
  const json::value* value = find(key);
  if (value == nullptr) return absent(key);
  if (std::optional<T> converted = convert(*value)) return std::move(*converted);
  return wrong_type(key, expected, *value);
}

template <class T, class F>
Result<std::vector<T>> JsonView::list(std::string_view key, const char* expected,
                                      F&& convert) const {
  const json::value* value = find(key);
  if (value == nullptr) return absent(key);
  const json::array* array = value->if_array();
  if (array == nullptr) return wrong_type(key, "an array", *value);
  std::vector<T> out;
  out.reserve(array->size());
  for (const json::value& item : *array) {
    std::optional<T> converted = convert(item);
    if (!converted) {
      return wrong_type(fmt::format("{}[{}]", key, out.size()), expected, item);
    }
    out.push_back(std::move(*converted));
  }
  return out;
}

Result<std::string> JsonView::string(std::string_view key) const {
  return scalar<std::string>(key, "a string", to_string);
}
Result<std::int64_t> JsonView::integer(std::string_view key) const {
  return scalar<std::int64_t>(key, "an integer", to_integer);
}
Result<double> JsonView::number(std::string_view key) const {
  return scalar<double>(key, "a number", to_number);
}
Result<bool> JsonView::boolean(std::string_view key) const {
  return scalar<bool>(key, "a boolean", to_boolean);
}
Result<std::vector<std::string>> JsonView::strings(std::string_view key) const {
  return list<std::string>(key, "a string", to_string);
}
Result<std::vector<std::int64_t>> JsonView::integers(std::string_view key) const {
  return list<std::int64_t>(key, "an integer", to_integer);
}
Result<std::vector<double>> JsonView::numbers(std::string_view key) const {
  return list<double>(key, "a number", to_number);
}

Result<JsonView> JsonView::object(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return absent(key);
  const json::object* object = value->if_object();
  if (object == nullptr) return wrong_type(key, "an object", *value);
  return JsonView(*object, name_, fmt::format("{}{}.", prefix_, key));
}

Result<std::vector<JsonView>> JsonView::objects(std::string_view key) const {
  std::size_t i = 0;
  return list<JsonView>(key, "an object", [&](const json::value& item) {
    const json::object* object = item.if_object();
    std::optional<JsonView> view;
    if (object) view = JsonView(*object, name_, fmt::format("{}{}[{}].", prefix_, key, i++));
    return view;
  });
}

Result<std::string> JsonView::string_or(std::string_view key, std::string fallback) const {
  if (!contains(key)) return fallback;
  return string(key);
}
Result<std::int64_t> JsonView::integer_or(std::string_view key, std::int64_t fallback) const {
  if (!contains(key)) return fallback;
  return integer(key);
}
Result<double> JsonView::number_or(std::string_view key, double fallback) const {
  if (!contains(key)) return fallback;
  return number(key);
}
Result<bool> JsonView::boolean_or(std::string_view key, bool fallback) const {
  if (!contains(key)) return fallback;
  return boolean(key);
}

}  // namespace slip
