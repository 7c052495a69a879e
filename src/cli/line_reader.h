// Lines from whoever types them: edited and remembered at a terminal, plain otherwise.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace slip {

// At a terminal: libedit with a history that is kept in a file. Else lines of standard input, with
// no prompt. One at a time.
class LineReader {
 public:
  // `history`: the file; empty for none. Its folder is made when missing.
  explicit LineReader(const std::filesystem::path& history);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  bool is_interactive() const { return editor_ != nullptr; }

  // The next message: a line, or several when they end in a backslash, stand between lines of """
  // or were pasted at once. At a terminal Ctrl-C gives up what was typed and begins again: an
  // InterruptGuard must be alive there. Nothing at the end of input (Ctrl-D).
  std::optional<std::string> read_message();

 private:
  std::optional<std::string> read_line(const char* prompt);
  std::optional<std::string> read_block(std::string first);
  void remember(const std::string& line);

  struct Editor;
  std::unique_ptr<Editor> editor_;
  bool interrupted_ = false;
};

// $XDG_STATE_HOME/slipstream/history (~/.local/state when unset); empty without a home.
std::filesystem::path default_history_path();

}  // namespace slip
