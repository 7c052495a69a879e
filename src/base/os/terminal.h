// Standard streams: what they are connected to.
#pragma once

namespace slip {

enum class Stream { kInput, kOutput, kError };

bool is_terminal(Stream stream);

// Columns of the terminal behind standard error; 80 when unknown.
int terminal_columns();

}  // namespace slip
