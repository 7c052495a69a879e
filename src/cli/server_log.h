// Where the server's log goes: standard error or a file, as text or as JSON, one object a line.
#pragma once

#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serve/log_entry.h"

namespace slip {

// Thread-safe. With --quiet, standard error has no lines of requests.
class ServerLog {
 public:
  enum class Format { kText, kJson };

  // `path` empty: standard error. A file is appended to, a line at a time, and has the time in text
  // as well. kIo when it can't be written.
  static Result<std::unique_ptr<ServerLog>> open(Format format, const std::string& path);

  void write(const LogEntry& entry);
  // Something that happened to the server itself. Also on standard error when the log is a file.
  void event(std::string_view message);

 private:
  explicit ServerLog(Format format) : format_(format) {}

  const Format format_;
  std::mutex mutex_;
  std::ofstream file_;  // closed: standard error
};

}  // namespace slip
