// The batch engine on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/batch_engine.h"

namespace slip {

// Steps while there is work and sleeps while there is none. What is submitted or cancelled takes
// effect before the next step. Thread-safe; sinks are called on the engine's thread. Every request
// that submit() took gets its on_end() before drain(), stop() or the destructor returns. The runner
// must outlive it.
class EngineThread {
 public:
  EngineThread(ModelRunner& runner, BatchEngineOptions options, std::int64_t max_waiting = 1024);

  std::int64_t max_waiting() const { return max_waiting_; }
  ~EngineThread() { stop(); }
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // BatchEngine::check()'s errors; kLimit when max_waiting requests wait already; kCancelled when
  // the engine is being drained or has stopped.
  Result<RequestId> submit(Request request);
  void cancel(RequestId id);

  // Takes no more requests, and returns when those that there are have ended by themselves.
  void drain();
  // The same, but ends them with kCancelled, in the middle of a pass.
  void stop();

  // As of the last step; what was submitted since waits.
  EngineStats stats() const;
  const EngineTrace& trace() const { return engine_.trace(); }

 private:
  struct Command {
    RequestId id = 0;
    std::optional<Request> request;  // nothing: cancel
  };
  enum class State { kRunning, kDraining, kStopping };

  void loop();
  // False when it is time to end.
  bool take_commands();
  void finish(State state);

  BatchEngine engine_;  // touched by the thread alone, but for what is thread-safe
  const std::int64_t max_waiting_;
  std::atomic<bool> stop_{false};  // ends a pass

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Command> commands_;
  State state_ = State::kRunning;
  EngineStats stats_;
  std::string failure_;

  std::vector<Command> taken_;  // the thread's
  std::mutex join_mutex_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace slip
