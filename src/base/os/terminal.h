// Standard streams: what they are connected to.
#pragma once

namespace slip {

enum class Stream { kInput, kOutput, kError };

bool is_terminal(Stream stream);

// Whether standard input is a file or a pipe, so that reading it comes to an end: neither a
// terminal nor something that a service manager has left open.
bool input_is_piped();

// Columns of the terminal behind standard error; 80 when unknown.
int terminal_columns();

}  // namespace slip
