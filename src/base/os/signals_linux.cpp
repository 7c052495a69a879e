#include <csignal>

#include "base/os/signals.h"

namespace slip {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

struct sigaction previous_action {};

extern "C" void on_interrupt(int) {
  interrupted.store(true, std::memory_order_relaxed);
}

}  // namespace

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

InterruptGuard::InterruptGuard() {
  interrupted.store(false, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  // The second one finds the default action again; a read that waits returns.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, &previous_action);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &previous_action, nullptr);
}

void InterruptGuard::raise() {
  interrupted.store(true, std::memory_order_relaxed);
}

const std::atomic<bool>& InterruptGuard::flag() {
  return interrupted;
}

}  // namespace slip
