// What was built.
#pragma once

#include <string_view>

namespace slip {

std::string_view version();  // "0.1.0"
std::string_view commit();   // abbreviated hash, "-dirty" behind it; "unknown" outside of git

}  // namespace slip
