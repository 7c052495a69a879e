// Header fields of HTTP messages (RFC 9110, section 5).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slip {

// ASCII letters only.
bool equal_ignoring_case(std::string_view a, std::string_view b);
// Without spaces and tabs at both ends.
std::string_view trim_blanks(std::string_view text);

// In the order they were added. Names are compared without regard to case. A value.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  // In place of all of that name.
  void set(std::string_view name, std::string_view value);
  void append(const Headers& others);

  // The first of that name; null when there is none.
  const std::string* find(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  // Whether a comma-separated list of that name, in one field or several, has the token.
  bool has_token(std::string_view name, std::string_view token) const;

  std::vector<Field>::const_iterator begin() const { return fields_.begin(); }
  std::vector<Field>::const_iterator end() const { return fields_.end(); }

  // "Name: value" lines. Control characters become spaces: no value can begin a line of its own.
  void append_to(std::string& out) const;

 private:
  std::vector<Field> fields_;
};

}  // namespace slip
