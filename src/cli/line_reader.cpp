#include "cli/line_reader.h"

#include <histedit.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <iostream>
#include <system_error>

#include "base/os/signals.h"
#include "base/os/terminal.h"

namespace slip {
namespace {

constexpr std::string_view kBlockMark = "\"\"\"";
constexpr int kHistoryLines = 1000;

// libedit asks for the prompt through a function without context.
const char* current_prompt = "";
char* give_prompt(EditLine*) {
  return const_cast<char*>(current_prompt);
}

// libedit's own way to read would wait on when Ctrl-C comes between the prompt and its read().
int read_character(EditLine*, wchar_t* out) {
  std::mbstate_t state{};
  while (true) {
    char byte = 0;
    switch (read_input_byte(byte)) {
      case InputEvent::kInterrupt:
        return -1;
      case InputEvent::kEnd:
        return 0;
      case InputEvent::kByte:
        break;
    }
    constexpr auto kIllFormed = static_cast<std::size_t>(-1), kPartial = kIllFormed - 1;
    const std::size_t done = std::mbrtowc(out, &byte, 1, &state);
    if (done == kIllFormed) state = {};  // left out
    if (done != kIllFormed && done != kPartial) return 1;
  }
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

struct LineReader::Editor {
  EditLine* line = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::string file;

  explicit Editor(const std::filesystem::path& path) : file(path.string()) {
    // libedit counts columns in characters of the locale.
    if (std::setlocale(LC_CTYPE, "") == nullptr ||
        std::strcmp(std::setlocale(LC_CTYPE, nullptr), "C") == 0) {
      std::setlocale(LC_CTYPE, "C.UTF-8");
    }
    line = el_init("slipstream", stdin, stdout, stderr);
    history = history_init();
    if (line == nullptr || history == nullptr) return;
    set_up();
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  void set_up() {
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    ::history(history, &event, H_SETUNIQUE, 1);
    if (!file.empty()) {
      std::error_code ignored;
      std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
      ::history(history, &event, H_LOAD, file.c_str());
    }
    el_set(line, EL_PROMPT, give_prompt);
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_HIST, ::history, history);
    el_set(line, EL_GETCFN, read_character);
    el_source(line, nullptr);
  }

  ~Editor() {
    if (line != nullptr) el_end(line);
    if (history == nullptr) return;
    if (!file.empty()) ::history(history, &event, H_SAVE, file.c_str());
    history_end(history);
  }
};

LineReader::LineReader(const std::filesystem::path& history) {
  if (!is_terminal(Stream::kInput) || !is_terminal(Stream::kOutput)) return;
  auto editor = std::make_unique<Editor>(history);
  if (editor->line != nullptr && editor->history != nullptr) editor_ = std::move(editor);
}

LineReader::~LineReader() = default;

std::optional<std::string> LineReader::read_line(const char* prompt) {
  std::string text;
  if (editor_ == nullptr) {
    if (!std::getline(std::cin, text)) return std::nullopt;
  } else {
    current_prompt = prompt;
    int n = 0;
    // Ahead of the prompt: a Ctrl-D typed between it and raw mode would be lost.
    el_set(editor_->line, EL_PREP_TERM, 1);
    const char* line = el_gets(editor_->line, &n);
    if (InterruptGuard::take()) {
      interrupted_ = true;
      el_reset(editor_->line);
      std::fputs("\n", stdout);
      return std::nullopt;
    }
    if (line == nullptr || n <= 0) return std::nullopt;
    text.assign(line, static_cast<std::size_t>(n));
    if (ends_with(text, "\n")) text.pop_back();
  }
  if (ends_with(text, "\r")) text.pop_back();
  return text;
}

void LineReader::remember(const std::string& line) {
  if (editor_ == nullptr || line.empty()) return;
  ::history(editor_->history, &editor_->event, H_ENTER, line.c_str());
}

// `first`: what stood behind the opening mark.
std::optional<std::string> LineReader::read_block(std::string first) {
  std::string text = std::move(first);
  if (ends_with(text, kBlockMark)) return text.substr(0, text.size() - kBlockMark.size());
  while (true) {
    auto line = read_line("... ");
    if (!line) return std::nullopt;
    remember(*line);
    if (!text.empty()) text += '\n';
    text += *line;
    if (ends_with(*line, kBlockMark)) return text.substr(0, text.size() - kBlockMark.size());
  }
}

std::optional<std::string> LineReader::read_message() {
  while (true) {
    interrupted_ = false;
    auto message = read_line("> ");
    if (message) {
      remember(*message);
      if (message->compare(0, kBlockMark.size(), kBlockMark) == 0) {
        message = read_block(message->substr(kBlockMark.size()));
      }
      while (message && ends_with(*message, "\\")) {
        message->back() = '\n';
        const auto next = read_line("... ");
        if (!next) {
          message.reset();
          break;
        }
        remember(*next);
        *message += *next;
      }
    }
    if (!interrupted_) return message;
  }
}

std::filesystem::path default_history_path() {
  const char* state_home = std::getenv("XDG_STATE_HOME");
  if (state_home != nullptr && *state_home != '\0') {
    return std::filesystem::path(state_home) / "slipstream/history";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::filesystem::path(home) / ".local/state/slipstream/history";
}

}  // namespace slip
