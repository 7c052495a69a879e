// Standard streams: what they are connected to.
#pragma once

namespace slip {

enum class Stream { kInput, kOutput, kError };

// Where a standard stream is closed, no file that is opened later takes its place and receives what
// was meant for the stream. Call before any file is opened.
void reserve_standard_streams();

bool is_terminal(Stream stream);

// Columns of the terminal behind standard error; 80 when unknown.
int terminal_columns();

}  // namespace slip
