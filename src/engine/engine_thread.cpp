#include "engine/engine_thread.h"

#include <exception>

namespace slip {

EngineThread::EngineThread(ModelRunner& runner, BatchEngineOptions options,
                           std::int64_t max_waiting)
    : engine_(runner, std::move(options)),
      max_waiting_(max_waiting),
      stats_(engine_.stats()),
      thread_([this] { loop(); }) {}

Result<RequestId> EngineThread::submit(Request request) {
  SLIP_TRY(engine_.check(request));
  const RequestId id = engine_.next_id();
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kRunning) {
      return fail(ErrorKind::kCancelled, "{}",
                  failure_.empty() ? "the engine takes no more requests" : failure_);
    }
    if (std::ssize(commands_) + stats_.n_waiting >= max_waiting_) {
      return fail(ErrorKind::kLimit, "the queue is full: {} requests are waiting", max_waiting_);
    }
    commands_.push_back({.id = id, .request = std::move(request)});
  }
  wake_.notify_one();
  return id;
}

void EngineThread::cancel(RequestId id) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back({.id = id, .request = std::nullopt});
  }
  wake_.notify_one();
}

void EngineThread::drain() {
  finish(State::kDraining);
}

void EngineThread::stop() {
  stop_ = true;
  finish(State::kStopping);
}

void EngineThread::finish(State state) {
  {
    const std::lock_guard lock(mutex_);
    state_ = std::max(state_, state);
  }
  wake_.notify_one();
  const std::lock_guard lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

EngineStats EngineThread::stats() const {
  const std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  for (const Command& command : commands_) stats.n_waiting += command.request.has_value();
  return stats;
}

bool EngineThread::take_commands() {
  State state;
  {
    std::unique_lock lock(mutex_);
    stats_ = engine_.stats();
    wake_.wait(lock, [&] {
      return !engine_.is_idle() || !commands_.empty() || state_ != State::kRunning;
    });
    taken_.swap(commands_);
    state = state_;
  }
  for (Command& command : taken_) {
    if (command.request.has_value()) {
      engine_.add(command.id, std::move(*command.request));
    } else {
      engine_.cancel(command.id);
    }
  }
  taken_.clear();
  if (state == State::kStopping) engine_.end_all(FinishReason::kCancelled, "");
  return state == State::kRunning || !engine_.is_idle();
}

// A broken invariant (base/check.h) ends the requests with an error, and the engine.
void EngineThread::loop() {
  try {
    while (take_commands()) engine_.step(&stop_);
  } catch (const std::exception& e) {
    {
      const std::lock_guard lock(mutex_);
      failure_ = std::string("the engine failed: ") + e.what();
      state_ = State::kStopping;
      taken_.swap(commands_);
    }
    for (Command& command : taken_) {
      if (command.request.has_value()) engine_.add(command.id, std::move(*command.request));
    }
    engine_.end_all(FinishReason::kError, failure_);
  }
  const std::lock_guard lock(mutex_);
  stats_ = engine_.stats();
}

}  // namespace slip
