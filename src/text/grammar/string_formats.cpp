#include "text/grammar/string_formats.h"

#include <fmt/format.h>

namespace slip::grammar {
namespace {

// RFC 3339, years from 1000 on; 29 February in leap years.
const std::string kDate =
    "(?:[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29)";
const std::string kTime =
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?"
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
// RFC 3339, appendix A.
const std::string kDurationTime =
    "T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S)";
const std::string kDuration =
    "P(?:[0-9]{1,4}W|" + kDurationTime +
    "|(?:[0-9]{1,4}D|[0-9]{1,4}M(?:[0-9]{1,4}D)?|[0-9]{1,4}Y(?:[0-9]{1,4}M(?:[0-9]{1,4}D)?)?)(?:" +
    kDurationTime + ")?)";
const std::string kLabel = "[a-z0-9]{1,30}(?:-[a-z0-9]{1,30})?";
const std::string kHost = kLabel + "(?:\\." + kLabel + "){0,3}";
const std::string kOctet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

// All eight groups, or one :: for two or more of them.
std::string ipv6() {
  const std::string group = "[0-9a-f]{1,4}";
  std::string out = fmt::format("(?:{}:){{7}}{}", group, group);
  for (int before = 0; before <= 6; ++before) {
    const std::string head =
        before == 0 ? "" : fmt::format("{}(?::{}){{{}}}", group, group, before - 1);
    const int after = 6 - before;
    const std::string tail =
        after == 0 ? "" : fmt::format("(?:{}(?::{}){{0,{}}})?", group, group, after - 1);
    out += "|" + head + "::" + tail;
  }
  return out;
}

}  // namespace

std::optional<std::string> format_pattern(std::string_view format) {
  std::string text;
  if (format == "date") text = kDate;
  if (format == "time") text = kTime;
  if (format == "date-time") text = kDate + "T" + kTime;
  if (format == "duration") text = kDuration;
  if (format == "uuid") text = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
  if (format == "email") {
    text =
        "[A-Za-z0-9_+-]{1,30}(?:\\.[A-Za-z0-9_+-]{1,30})?@" + kLabel + "(?:\\." + kLabel + "){1,3}";
  }
  if (format == "hostname") text = kHost;
  if (format == "ipv4") text = fmt::format("{}(?:\\.{}){{3}}", kOctet, kOctet);
  if (format == "ipv6") text = ipv6();
  if (format == "uri") {
    text = "https?://" + kHost +
           "(?::[1-9][0-9]{1,3})?(?:/[A-Za-z0-9._~-]{1,60}){0,8}/?"
           "(?:\\?[A-Za-z0-9._~=&-]{1,100})?(?:#[A-Za-z0-9._~-]{1,60})?";
  }
  if (text.empty()) return std::nullopt;
  return "^(?:" + text + ")$";
}

}  // namespace slip::grammar
