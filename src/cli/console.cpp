#include "cli/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/os/clock.h"
#include "base/os/terminal.h"
#include "cli/command.h"
#include "text/utf8.h"

namespace slip {
namespace {

bool quiet_mode = false;

// What can't be written is lost: there is nowhere to tell it, and the work goes on.
void write_error(std::string_view text) {
  [[maybe_unused]] const auto ignored = std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

bool Output::write(std::string_view text) {
  if (error_ != 0) return false;
  errno = 0;
  const bool done =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!done) error_ = errno != 0 ? errno : EIO;
  return done;
}

Result<> Output::status() const {
  if (error_ == 0 || error_ == EPIPE) return {};
  return fail(ErrorKind::kIo, "standard output: cannot write: {}", std::strerror(error_));
}

bool use_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && is_terminal(Stream::kError);
}

void print_error(std::string_view message) {
  const bool color = use_color();
  write_error(fmt::format("slipstream: {}error:{} {}\n", color ? "\033[1;31m" : "",
                          color ? "\033[0m" : "", message));
}

void print_warning(std::string_view message) {
  write_error(fmt::format("slipstream: warning: {}\n", message));
}

void set_quiet(bool quiet) {
  quiet_mode = quiet;
}

bool is_quiet() {
  return quiet_mode;
}

int usage_failure(std::string_view message, std::string_view command) {
  print_error(message);
  print_status(fmt::format("Try 'slipstream {}{}--help'.", command, command.empty() ? "" : " "));
  return kExitUsage;
}

void print_note(std::string_view message) {
  if (quiet_mode) return;
  write_error(fmt::format("slipstream: note: {}\n", message));
}

void print_status(std::string_view line) {
  write_error(fmt::format("{}\n", line));
}

Progress::Progress(std::string label, std::int64_t total)
    : label_(std::move(label)),
      total_(total),
      start_ns_(now_ns()),
      may_draw_(is_terminal(Stream::kError) && !quiet_mode) {}

Progress::~Progress() {
  erase();
}

void Progress::erase() {
  if (is_drawn_) write_error("\r\033[K");
  is_drawn_ = false;
}

void Progress::update(std::int64_t done, std::string_view text) {
  constexpr std::int64_t kRedrawNs = 100'000'000, kPatienceNs = 500'000'000;
  if (!may_draw_) return;
  if (done >= total_) return erase();
  const std::int64_t now = now_ns();
  if (now - start_ns_ < kPatienceNs || now - drawn_ns_ < kRedrawNs) return;
  drawn_ns_ = now;
  is_drawn_ = true;
  constexpr int kBar = 24;
  const double share = total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 0;
  const int filled = std::clamp(static_cast<int>(share * kBar), 0, kBar);
  const double elapsed = static_cast<double>(now - start_ns_) * 1e-9;
  std::string line =
      fmt::format("{} [{:#>{}}{:.>{}}] {}/{}", label_, "", filled, "", kBar - filled, done, total_);
  if (done > 0) line += fmt::format(", {:.0f} s left", elapsed / share - elapsed);
  if (!text.empty()) line += fmt::format(", {}", text);
  line.resize(std::min(line.size(), static_cast<std::size_t>(terminal_columns() - 1)));
  write_error(fmt::format("\r{}\033[K", line));
}

std::string printable(std::string_view text) {
  const std::string valid = repair_utf8(text);
  std::string out;
  for (std::size_t i = 0; i < valid.size();) {
    const Utf8Char c = utf8_at(valid.data() + i);
    if (c.code == '\n' || c.code == '\t') {
      out += c.code == '\n' ? "\\n" : "\\t";
    } else if (c.code < 0x20 || (c.code >= 0x7f && c.code < 0xa0)) {
      out += fmt::format("\\x{:02x}", c.code);
    } else {
      out.append(valid, i, c.size);
    }
    i += c.size;
  }
  return out;
}

Result<> check_output(const std::string& path, const std::vector<std::string>& inputs) {
  std::error_code none;
  for (const std::string& input : inputs) {
    if (!std::filesystem::equivalent(path, input, none)) continue;
    return invalid("{}: expected another file to write than those that are read, got one of them",
                   path);
  }
  return {};
}

Result<std::string> read_input(const std::string& path) {
  constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
  const bool is_stdin = path == "-";
  std::FILE* file = is_stdin ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    return fail(errno == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, "{}: cannot open: {}",
                path, std::strerror(errno));
  }
  std::string text;
  char buffer[1 << 16];
  std::size_t n = 0;
  while ((n = std::fread(buffer, 1, sizeof(buffer), file)) > 0) {
    text.append(buffer, n);
    if (text.size() > kMaxBytes) break;
  }
  const int code = std::ferror(file) != 0 ? (errno != 0 ? errno : EIO) : 0;
  if (!is_stdin) std::fclose(file);
  const std::string name = is_stdin ? "standard input" : path;
  if (code != 0) return fail(ErrorKind::kIo, "{}: cannot read: {}", name, std::strerror(code));
  if (text.size() > kMaxBytes) {
    return fail(ErrorKind::kLimit, "{}: expected at most {} bytes", name, kMaxBytes);
  }
  return text;
}

}  // namespace slip
