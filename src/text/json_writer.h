// Writing JSON: in the order it is written, numbers as people and jq expect them
// (Boost.JSON, which reads ours, would print 1.0 as 1E0, and bytes that aren't UTF-8 as they are).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slip {

// Calls nest as the document does; a value stands in an array, or behind key(). Ill-formed UTF-8 in
// strings becomes U+FFFD; numbers that JSON lacks (NaN, infinities) become null.
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view value);
  JsonWriter& integer(std::int64_t value);
  JsonWriter& unsigned_integer(std::uint64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // With the digits that tell it from its neighbours.
  JsonWriter& number(double value);
  JsonWriter& number(float value);
  // With `digits` behind the point.
  JsonWriter& fixed(double value, int digits);

  template <class Range>
  JsonWriter& integers(const Range& values) {
    begin_array();
    for (const auto value : values) integer(static_cast<std::int64_t>(value));
    return end_array();
  }

  // A value that is JSON already.
  JsonWriter& raw(std::string_view json);

  // The document and a newline.
  std::string take();
  // The document alone.
  std::string take_value();

 private:
  void separate();
  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace slip
