#include "cli/line_reader.h"

#include <histedit.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <iostream>
#include <iterator>
#include <system_error>
#include <utility>

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

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Keys that terminals send as a control sequence (ECMA-48, 5.4; xterm's ctlseqs), and what they do.
struct Key {
  const char* sequence;
  const char* function;  // libedit's name for it
};
constexpr const char* kPasteBegin = "\033[200~";
constexpr Key kKeys[] = {{"\033[A", "ed-prev-history"},      {"\033[B", "ed-next-history"},
                         {"\033[C", "ed-next-char"},         {"\033[D", "ed-prev-char"},
                         {"\033[H", "ed-move-to-beg"},       {"\033[1~", "ed-move-to-beg"},
                         {"\033[7~", "ed-move-to-beg"},      {"\033[F", "ed-move-to-end"},
                         {"\033[4~", "ed-move-to-end"},      {"\033[8~", "ed-move-to-end"},
                         {"\033[3~", "ed-delete-next-char"}, {"\033[1;5C", "em-next-word"},
                         {"\033[1;5D", "ed-prev-word"},      {"\033[1;3C", "em-next-word"},
                         {"\033[1;3D", "ed-prev-word"},      {kPasteBegin, "ed-redisplay"}};
constexpr std::string_view kPasteEnd = "\033[201~";
constexpr char kEscape = '\033';

// The bytes that are typed, without the control sequences that no key of ours sends: libedit would
// take their ends for text.
class Typed {
 public:
  InputEvent next(char& byte) {
    while (true) {
      if (!ahead_.empty()) {
        byte = ahead_.front();
        ahead_.erase(0, 1);
        return InputEvent::kByte;
      }
      const InputEvent event = read_input_byte(byte);
      if (event != InputEvent::kByte || byte != kEscape) return event;
      if (const InputEvent rest = read_sequence(); rest != InputEvent::kByte) return rest;
    }
  }
  std::string take_pasted() { return std::exchange(pasted_, {}); }

 private:
  // What follows an escape.
  InputEvent read_sequence() {
    std::string sequence(1, kEscape);
    for (bool goes_on = true; goes_on;) {
      char byte = 0;
      if (const auto event = read_input_byte(byte); event != InputEvent::kByte) return event;
      sequence += byte;
      const std::size_t n = sequence.size();
      const bool is_final = byte >= 0x40 && byte <= 0x7e;
      const bool is_console_key = n == 3 && byte == '[';  // "ESC [ [ A" is F1 on Linux's console
      goes_on = sequence[1] == '[' && (n == 2 || !is_final || is_console_key);
    }
    const bool is_known = std::any_of(std::begin(kKeys), std::end(kKeys),
                                      [&](const Key& key) { return key.sequence == sequence; });
    if (sequence == kPasteBegin) {
      if (const auto event = read_pasted(); event != InputEvent::kByte) return event;
    }
    if (is_known || sequence[1] != '[') ahead_ = sequence;
    return InputEvent::kByte;
  }

  InputEvent read_pasted() {
    std::string text;
    while (!ends_with(text, kPasteEnd)) {
      char byte = 0;
      if (const auto event = read_input_byte(byte); event != InputEvent::kByte) return event;
      if (byte != '\0') text += byte == '\r' ? '\n' : byte;
    }
    pasted_ = text.substr(0, text.size() - kPasteEnd.size());
    return InputEvent::kByte;
  }

  std::string ahead_;   // read, and not given out yet
  std::string pasted_;  // the same, for the line as it is, line ends included
};

// libedit calls without a context.
Typed typed;

// libedit's own way to read would wait on when Ctrl-C comes between the prompt and its read().
int read_character(EditLine* line, wchar_t* out) {
  std::mbstate_t state{};
  while (true) {
    char byte = 0;
    switch (typed.next(byte)) {
      case InputEvent::kInterrupt:
        return -1;
      case InputEvent::kEnd:
        return 0;
      case InputEvent::kByte:
        break;
    }
    if (const std::string text = typed.take_pasted(); !text.empty()) {
      el_insertstr(line, text.c_str());
    }
    constexpr auto kIllFormed = static_cast<std::size_t>(-1), kPartial = kIllFormed - 1;
    const std::size_t done = std::mbrtowc(out, &byte, 1, &state);
    if (done == kIllFormed) state = {};  // left out
    if (done != kIllFormed && done != kPartial) return 1;
  }
}

// Asks the terminal to mark what is pasted while a line is edited.
class PasteMarks {
 public:
  PasteMarks() { put("\033[?2004h"); }
  ~PasteMarks() { put("\033[?2004l"); }
  PasteMarks(const PasteMarks&) = delete;
  PasteMarks& operator=(const PasteMarks&) = delete;

 private:
  static void put(const char* sequence) {
    const char* terminal = std::getenv("TERM");
    if (terminal == nullptr || std::strcmp(terminal, "dumb") == 0) return;
    std::fputs(sequence, stdout);
    std::fflush(stdout);
  }
};

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
    for (const Key& key : kKeys) el_set(line, EL_BIND, key.sequence, key.function, nullptr);
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
    const PasteMarks marks;
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
