// URLs, request targets and query strings (RFC 3986; forms as WHATWG's URL standard reads them).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slip {

// "%41" becomes "A"; "+" stays. kInvalid: an escape that isn't two hexadecimal digits, or "%00".
// What comes out is bytes, not necessarily UTF-8.
Result<std::string> percent_decode(std::string_view text);

// The two halves of a request's target; views into it. An absolute target ("http://host/path", as
// clients of proxies send it) gives its path; the path of "http://host" is "/".
struct Target {
  std::string_view path;
  std::string_view query;  // without "?"
};
Target split_target(std::string_view target);

// "a=1&b=x+y" as decoded pairs, in order; "+" is a space, a name without "=" has an empty value.
// kInvalid as percent_decode; kLimit for more than 1000 pairs.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
Result<QueryParameters> parse_query(std::string_view query);

// A host as it stands in URLs: IPv6 addresses in brackets.
std::string url_host(std::string_view host);

// An http or https URL of a server.
struct Url {
  bool is_tls = false;
  std::string host;  // IPv6 addresses without brackets
  std::uint16_t port = 80;
  std::string path;  // with the query, beginning with "/"; empty when the URL has none

  // As a Host header has it: the port only where it isn't the scheme's.
  std::string authority() const;
};
// kInvalid: other schemes, no host, user names, a port that is none, spaces and control characters.
Result<Url> parse_url(std::string_view text);

}  // namespace slip
