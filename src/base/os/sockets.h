// What the system knows of sockets beyond what their library asks of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slip {

// A TCP connection whose other side has vanished without a word ends with an error after about
// `timeout_ms`, with bytes under way or idle. `fd` is left as it is where the system can't do that.
void give_up_silent_peer(int fd, std::int64_t timeout_ms);

// Raises this process's limit of open files to `n`, as far as it may: often only 1024 are allowed
// until a program asks. Returns the limit in force.
std::size_t raise_open_files_limit(std::size_t n);

}  // namespace slip
