#include "net/url.h"

#include <algorithm>
#include <charconv>

#include "net/headers.h"

namespace slip {
namespace {

constexpr std::size_t kMaxPairs = 1000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode_form(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced);
}

// host, host:port, [v6] or [v6]:port.
Result<> parse_authority(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return invalid("URL: expected ']' behind '{}'", text);
    url.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') {
      return invalid("URL: expected a port behind the address, got '{}'", port);
    }
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    url.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (url.host.empty()) return invalid("URL: expected a host, got '{}'", text);
  if (port.empty()) return {};
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
    return invalid("URL: expected a port of 1 to 65535, got '{}'", port);
  }
  return {};
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || high + low == 0) {
      return invalid("URL: expected '%' and two hexadecimal digits, got '{}'", text.substr(i, 3));
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Target split_target(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (!target.starts_with('/') && scheme != std::string_view::npos) {
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {.path = target, .query = {}};
  return {.path = mark == 0 ? std::string_view("/") : target.substr(0, mark),
          .query = target.substr(mark + 1)};
}

Result<QueryParameters> parse_query(std::string_view query) {
  QueryParameters pairs;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    if (pairs.size() == kMaxPairs) {
      return fail(ErrorKind::kLimit, "query: expected at most {} parameters", kMaxPairs);
    }
    const std::string_view name = pair.substr(0, pair.find('='));
    const std::string_view value = pair.substr(std::min(name.size() + 1, pair.size()));
    pairs.emplace_back(SLIP_TRY(decode_form(name)), SLIP_TRY(decode_form(value)));
  }
  return pairs;
}

std::string url_host(std::string_view host) {
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return is_v6 ? fmt::format("[{}]", host) : std::string(host);
}

std::string Url::authority() const {
  const std::string name = url_host(host);
  return port == (is_tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

Result<Url> parse_url(std::string_view text) {
  const bool has_space = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
  const std::size_t scheme_end = text.find("://");
  if (has_space || scheme_end == std::string_view::npos) {
    return invalid("URL: expected http://host or https://host, got '{}'", text);
  }
  Url url;
  const std::string_view scheme = text.substr(0, scheme_end);
  if (equal_ignoring_case(scheme, "https")) {
    url.is_tls = true;
    url.port = 443;
  } else if (!equal_ignoring_case(scheme, "http")) {
    return invalid("URL: expected the scheme http or https, got '{}'", scheme);
  }
  text.remove_prefix(scheme_end + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t path = std::min(text.find_first_of("/?"), text.size());
  const std::string_view authority = text.substr(0, path);
  if (authority.find('@') != std::string_view::npos) {
    return invalid("URL: expected no user name, got one before '@'");
  }
  SLIP_TRY(parse_authority(authority, url));
  if (text.substr(path).starts_with('?')) url.path = '/';
  url.path += text.substr(path);
  return url;
}

}  // namespace slip
