// Status codes of HTTP (RFC 9110, section 15).
#pragma once

#include <string_view>

namespace slip {

// "Not Found"; "Status" for a code that isn't listed.
std::string_view reason_phrase(int status);

}  // namespace slip
