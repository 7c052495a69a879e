// Signals that a program at a terminal has to expect.
#pragma once

#include <atomic>

namespace slip {

// Writing to a pipe that nobody reads, or past the limit on file sizes, becomes an error of the
// write instead of the end of the process.
void ignore_write_signals();

// While one is alive, Ctrl-C raises a flag and interrupts nothing but read_input_byte(); a second
// Ctrl-C while the flag is up ends the process as usual. One at a time; not thread-safe.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // Turns true on Ctrl-C; for whoever polls a cancel flag. Valid for the life of the process.
  static const std::atomic<bool>& flag();
  // The same without a signal.
  static void raise();
  static bool raised() { return flag().load(std::memory_order_relaxed); }
  // Whether the flag was up. It is down from then on.
  static bool take();
};

enum class InputEvent { kByte, kEnd, kInterrupt };
// Waits for a byte of standard input (past stdio's buffer), its end, or Ctrl-C: also one that came
// before the call and wasn't taken.
InputEvent read_input_byte(char& byte);

}  // namespace slip
