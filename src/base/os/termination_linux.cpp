#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/os/termination.h"

namespace slip {
namespace {

sigset_t both() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

TerminationSignals::TerminationSignals() {
  const sigset_t set = both();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool TerminationSignals::wait_ms(std::int64_t timeout_ms) {
  const sigset_t set = both();
  const timespec timeout{.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1'000'000};
  int signal = 0;
  do {
    signal = timeout_ms < 0 ? sigwaitinfo(&set, nullptr) : sigtimedwait(&set, nullptr, &timeout);
  } while (signal < 0 && errno == EINTR);
  if (signal < 0) return false;
  last_ = signal;
  return true;
}

void TerminationSignals::obey() {
  const int signal = last_ == 0 ? SIGTERM : last_;
  std::signal(signal, SIG_DFL);
  const sigset_t set = both();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  std::raise(signal);
}

}  // namespace slip
