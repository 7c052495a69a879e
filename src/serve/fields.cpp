#include "serve/fields.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>

#include "formats/json.h"

namespace slip {

const boost::json::value* Fields::find(std::string_view name) const {
  looked_for_.emplace_back(name);
  const boost::json::value* value = object_.if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

Reply<const boost::json::value*> Fields::require(std::string_view name) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) {
    return bad_field(path(name), "missing_required_parameter", "expected a value, got none");
  }
  return value;
}

tl::unexpected<ApiError> Fields::wrong_type(std::string_view name, const char* expected,
                                            const boost::json::value& value) const {
  return bad_field(path(name), "invalid_type", "expected {}, got {}", expected, json_kind(value));
}

Reply<std::optional<double>> Fields::number(std::string_view name, Range<double> range) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return wrong_type(name, "a number", *value);
  const auto number = value->to_number<double>();
  if (number >= range.min && number <= range.max) return number;
  return bad_field(path(name), "invalid_value", "expected {} … {}, got {}", range.min, range.max,
                   number);
}

Reply<std::optional<std::int64_t>> Fields::integer(std::string_view name,
                                                   Range<std::int64_t> range) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto integer = as_integer(*value);
  if (!integer) return wrong_type(name, "an integer", *value);
  if (*integer >= range.min && *integer <= range.max) return integer;
  return bad_field(path(name), "invalid_value", "expected {} … {}, got {}", range.min, range.max,
                   *integer);
}

Reply<std::optional<bool>> Fields::boolean(std::string_view name) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return wrong_type(name, "a boolean", *value);
  return value->get_bool();
}

Reply<std::optional<std::string>> Fields::string(std::string_view name) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return wrong_type(name, "a string", *value);
  return std::string(value->get_string());
}

Reply<std::string> Fields::required_string(std::string_view name) const {
  SLIP_TRY(require(name));
  return *SLIP_TRY(string(name));
}

Reply<const boost::json::object*> Fields::object(std::string_view name) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) return wrong_type(name, "an object", *value);
  return &value->get_object();
}

Reply<const boost::json::array*> Fields::array(std::string_view name) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) return wrong_type(name, "an array", *value);
  return &value->get_array();
}

Reply<> Fields::reject_unknown() const {
  for (const auto& [key, value] : object_) {
    const std::string_view name = key;
    const bool is_known =
        std::find(looked_for_.begin(), looked_for_.end(), name) != looked_for_.end();
    if (is_known || value.is_null()) continue;
    return bad_field(path(name), "unknown_parameter",
                     "expected a parameter that is known here, got this one");
  }
  return {};
}

Reply<boost::json::object> parse_body(std::string_view body) {
  auto parsed = parse_json(body, "body");
  if (!parsed) return tl::unexpected(ApiError{.message = parsed.error().message});
  if (!parsed->is_object()) {
    return tl::unexpected(ApiError{
        .message = fmt::format("body: expected a JSON object, got {}", json_kind(*parsed))});
  }
  return std::move(parsed->get_object());
}

std::optional<std::int64_t> as_integer(const boost::json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (!value.is_double()) return std::nullopt;
  const double number = value.get_double();
  // Doubles count whole numbers without gaps up to 2^53.
  if (std::abs(number) > 9007199254740992.0 || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace slip
