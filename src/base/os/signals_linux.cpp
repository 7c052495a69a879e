#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/os/signals.h"

namespace slip {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

struct sigaction previous_action {};
bool guard_is_alive = false;

// The handler writes into this pipe, so that poll() also sees a signal that came just before it, or
// in another thread.
int wake_pipe[2] = {-1, -1};

extern "C" void on_interrupt(int) {
  const int saved = errno;
  interrupted.store(true);
  [[maybe_unused]] const auto ignored = ::write(wake_pipe[1], "", 1);
  errno = saved;
}

void install_handler(struct sigaction* previous) {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  // The second one finds the default action again.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, previous);
}

void empty_pipe() {
  char bytes[16];
  while (::read(wake_pipe[0], bytes, sizeof(bytes)) > 0) {
  }
}

}  // namespace

void ignore_write_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

InterruptGuard::InterruptGuard() {
  // Without a pipe (no descriptors left) poll() still ends when a signal interrupts it.
  if (wake_pipe[0] < 0 && ::pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) wake_pipe[0] = -1;
  take();
  install_handler(&previous_action);
  guard_is_alive = true;
}

InterruptGuard::~InterruptGuard() {
  guard_is_alive = false;
  ::sigaction(SIGINT, &previous_action, nullptr);
}

void InterruptGuard::raise() {
  interrupted.store(true, std::memory_order_relaxed);
}

const std::atomic<bool>& InterruptGuard::flag() {
  return interrupted;
}

bool InterruptGuard::take() {
  if (!interrupted.exchange(false)) return false;
  empty_pipe();
  if (guard_is_alive) install_handler(nullptr);
  return true;
}

InputEvent read_input_byte(char& byte) {
  while (true) {
    if (InterruptGuard::raised()) return InputEvent::kInterrupt;
    struct pollfd sources[] = {{STDIN_FILENO, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}};
    if (::poll(sources, 2, -1) < 0 || sources[0].revents == 0) {
      empty_pipe();  // the flag went up before
      continue;
    }
    const auto n = ::read(STDIN_FILENO, &byte, 1);
    if (n == 1) return InputEvent::kByte;
    if (n == 0 || errno != EINTR) return InputEvent::kEnd;
  }
}

}  // namespace slip
