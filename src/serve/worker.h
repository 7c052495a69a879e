// A thread for what would hold up the server's I/O thread: parsing, templates, tokenizing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace slip {

// Runs tasks one after the other. Thread-safe. Tasks mustn't throw.
class Worker {
 public:
  explicit Worker(std::size_t max_tasks);
  ~Worker() { stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // False when max_tasks wait already, and after stop().
  [[nodiscard]] bool post(std::function<void()> task);
  // Returns when the task that runs has ended; those that haven't begun are dropped.
  void stop();

 private:
  void loop();

  const std::size_t max_tasks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stops_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace slip
