// The fields of a request's JSON object, checked as they are taken.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api_error.h"

namespace slip {

// Inclusive.
template <class T>
struct Range {
  T min, max;
};

// A view; the object must outlive it. A field that is null counts as absent; unknown fields are
// nobody's business, unless reject_unknown() is asked. Errors are 400 with the field's path as
// param: code "invalid_type" for another kind of value, "invalid_value" for one out of range,
// "missing_required_parameter".
class Fields {
 public:
  // `prefix` stands before names: "messages[0].".
  explicit Fields(const boost::json::object& object, std::string prefix = {})
      : object_(object), prefix_(std::move(prefix)) {}

  const boost::json::object& raw() const { return object_; }
  std::string path(std::string_view name) const { return prefix_ + std::string(name); }
  // Null when absent or null.
  const boost::json::value* find(std::string_view name) const;
  Reply<const boost::json::value*> require(std::string_view name) const;

  Reply<std::optional<double>> number(std::string_view name, Range<double> range) const;
  // 3.0 is an integer too.
  Reply<std::optional<std::int64_t>> integer(std::string_view name,
                                             Range<std::int64_t> range) const;
  Reply<std::optional<bool>> boolean(std::string_view name) const;
  Reply<std::optional<std::string>> string(std::string_view name) const;
  Reply<std::string> required_string(std::string_view name) const;
  // Null when absent.
  Reply<const boost::json::object*> object(std::string_view name) const;
  Reply<const boost::json::array*> array(std::string_view name) const;

  // 400 "unknown_parameter" when there is a field that nobody has looked for in this view.
  Reply<> reject_unknown() const;

  tl::unexpected<ApiError> wrong_type(std::string_view name, const char* expected,
                                      const boost::json::value& value) const;

 private:
  const boost::json::object& object_;
  std::string prefix_;
  mutable std::vector<std::string> looked_for_;
};

// A request's body, which must be a JSON object. 400 without a param.
Reply<boost::json::object> parse_body(std::string_view body);

// An integer that JSON may write as 3 or 3.0; none for what isn't one.
std::optional<std::int64_t> as_integer(const boost::json::value& value);

}  // namespace slip
