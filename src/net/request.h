// A request as its handler gets it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/headers.h"

namespace slip {

// A value: nothing in it refers to the connection.
struct HttpRequest {
  std::string method;  // as sent: "GET"
  std::string target;  // as sent: "/v1/models?x=1"
  Headers headers;
  std::string body;

  std::string id;                // the client's X-Request-Id when it is sane, else made up here
  std::string peer;              // "127.0.0.1:41234", "[::1]:41234"
  std::int64_t received_ns = 0;  // when its first byte was read (now_ns)
  bool is_http_1_0 = false;

  // What the router's pattern named, percent-decoded; empty when it named no such thing.
  std::string_view parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
      if (key == name) return value;
    }
    return {};
  }
  std::vector<std::pair<std::string, std::string>> parameters;

  // The Authorization header's value, empty without one.
  std::string_view authorization() const {
    const std::string* value = headers.find("Authorization");
    return value != nullptr ? std::string_view(*value) : std::string_view();
  }
};

}  // namespace slip
