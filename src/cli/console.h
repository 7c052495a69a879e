// Standard output and standard error, as a program in a pipeline should treat them.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

// Writes text at once (no line waits in a buffer). Once the reader is gone nothing more is written.
class Output {
 public:
  // False when the text could not be written, now or earlier.
  bool write(std::string_view text);
  // kIo when something could not be written, other than because the reader went away.
  Result<> status() const;
  bool is_open() const { return error_ == 0; }

 private:
  int error_ = 0;  // errno of the first failure
};

// From now on no notes and no progress bars.
void set_quiet(bool quiet);
bool is_quiet();

// "slipstream: error: …", "slipstream: warning: …" and "slipstream: note: …" on standard error. A
// standard error that can't be written to changes nothing else.
void print_error(std::string_view message);
void print_warning(std::string_view message);
void print_note(std::string_view message);
// An error in how a command was called, which the exit code that it returns says as well.
// `command`: whose help to name; empty for the program's.
int usage_failure(std::string_view message, std::string_view command);
// A line on standard error, as it is.
void print_status(std::string_view line);

// Whether to use colour on standard error: a terminal, and NO_COLOR (no-color.org) not set.
bool use_color();

// A bar on standard error while work runs that takes longer than half a second; nothing when that
// is no terminal.
class Progress {
 public:
  Progress(std::string label, std::int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `text` stands behind the bar. Redraws ten times a second at most, and erases it when done.
  void update(std::int64_t done, std::string_view text = {});
  // Before anything else is written.
  void erase();

 private:
  std::string label_;
  std::int64_t total_;
  std::int64_t start_ns_;
  std::int64_t drawn_ns_ = 0;
  bool may_draw_;
  bool is_drawn_ = false;
};

// Text from outside as one line that a terminal shows and doesn't obey: control characters escaped
// ("\n", "\x1b"), ill-formed UTF-8 as U+FFFD.
std::string printable(std::string_view text);

// All of standard input, or of a file ("-" is standard input). kLimit above 256 MB.
Result<std::string> read_input(const std::string& path);

// Before anything is read: kInvalid when the file to write is one of those that are read.
Result<> check_output(const std::string& path, const std::vector<std::string>& inputs);

}  // namespace slip
