#include "cli/server_log.h"

#include "cli/console.h"

namespace slip {

Result<std::unique_ptr<ServerLog>> ServerLog::open(Format format, const std::string& path) {
  std::unique_ptr<ServerLog> log(new ServerLog(format));
  if (path.empty()) return log;
  log->file_.open(path, std::ios::app);
  if (!log->file_) return fail(ErrorKind::kIo, "{}: the log can't be written", path);
  return log;
}

void ServerLog::write(const LogEntry& entry) {
  const std::string line = format_ == Format::kJson ? to_json(entry) : printable(to_text(entry));
  if (!file_.is_open()) {
    if (!entry.request || !is_quiet()) print_status(line);
    return;
  }
  const std::lock_guard lock(mutex_);
  if (format_ == Format::kText) file_ << utc_time(entry.time_ms) << ' ';
  file_ << line << std::endl;
}

void ServerLog::event(std::string_view message) {
  write({.time_ms = wall_clock_ms(), .message = message});
  if (file_.is_open()) print_status(message);
}

}  // namespace slip
