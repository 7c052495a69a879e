#include <sys/ioctl.h>
#include <unistd.h>

#include "base/os/terminal.h"

namespace slip {

bool is_terminal(Stream stream) {
  switch (stream) {
    case Stream::kInput:
      return ::isatty(STDIN_FILENO) == 1;
    case Stream::kOutput:
      return ::isatty(STDOUT_FILENO) == 1;
    case Stream::kError:
      return ::isatty(STDERR_FILENO) == 1;
  }
  return false;
}

int terminal_columns() {
  struct winsize size {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace slip
