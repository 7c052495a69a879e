// Names from files, made safe to print in messages.
#pragma once

#include <string>
#include <string_view>

namespace slip {

// The text in single quotes: control characters and bytes ≥ 0x80 as \xNN, cut with an ellipsis
// after 80 characters. A hostile file can neither fill a terminal nor send it escape sequences.
std::string shown(std::string_view text);

}  // namespace slip
