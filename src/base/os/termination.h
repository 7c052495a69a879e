// Being asked to end, by Ctrl-C or SIGTERM.
#pragma once

#include <cstdint>

namespace slip {

// From its construction on neither interrupts this thread, nor those that it starts later: they
// wait to be taken. One in a program, made before other threads.
class TerminationSignals {
 public:
  TerminationSignals();
  TerminationSignals(const TerminationSignals&) = delete;
  TerminationSignals& operator=(const TerminationSignals&) = delete;

  // True when one came, before or within the time; a negative one is for ever.
  bool wait_ms(std::int64_t timeout_ms);
  // Sends the last signal that was taken once more, which now ends the process.
  void obey();

 private:
  int last_ = 0;
};

}  // namespace slip
