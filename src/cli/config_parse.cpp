#include "cli/config_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "text/utf8.h"

namespace slip {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Reads one line, from left to right. Errors don't name it yet.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  // Whether nothing is left but a comment.
  bool at_end() {
    skip_blanks();
    return rest_.empty() || rest_.front() == '#';
  }
  Result<> expect_end() {
    if (at_end()) return {};
    return invalid("expected the end of the line, got '{}'", rest_);
  }
  bool take(char c) {
    if (!is_next(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Behind the "[".
  Result<std::string> heading() {
    if (take('[')) return invalid("arrays of tables ([[…]]) aren't supported");
    // The dots of a model's name are part of it.
    std::string name = is_quoted() ? SLIP_TRY(string()) : word("]#");
    if (name.empty() || !take(']')) return invalid("expected a heading like [name]");
    return name;
  }

  Result<std::string> key() {
    std::string name;
    if (is_quoted()) {
      name = SLIP_TRY(string());
    } else {
      name.assign(rest_.begin(), std::find_if_not(rest_.begin(), rest_.end(), is_bare));
      rest_.remove_prefix(name.size());
    }
    if (name.empty() || !take('=')) return invalid("expected key = value");
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
  }

  Result<std::vector<std::string>> values() {
    std::vector<std::string> items;
    if (!take('[')) {
      items.push_back(SLIP_TRY(value("#")));
      return items;
    }
    while (!take(']')) {
      if (at_end()) return invalid("expected an array that ends on its line");
      items.push_back(SLIP_TRY(value(",]#")));
      if (!take(',') && !is_next(']')) return invalid("expected ',' or ']', got '{}'", rest_);
    }
    return items;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool is_next(char c) {
    skip_blanks();
    return !rest_.empty() && rest_.front() == c;
  }
  bool is_quoted() { return is_next('"') || is_next('\''); }

  // Up to any of `ends`, without the blanks before it.
  std::string word(std::string_view ends) {
    std::string_view text = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(text.size());
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return std::string(text);
  }

  Result<std::string> value(std::string_view ends) {
    if (at_end()) return invalid("expected a value behind the '='");
    if (rest_.starts_with("\"\"\"") || rest_.starts_with("'''")) {
      return invalid("strings of many lines aren't supported; \"\\n\" is the end of a line");
    }
    if (is_quoted()) return string();
    if (is_next('{')) return invalid("tables in a line ({{…}}) aren't supported");
    std::string text = word(ends);
    if (std::any_of(text.begin(), text.end(), is_blank)) {
      return invalid("expected one word, or quotes around '{}'", text);
    }
    if (text.empty()) return invalid("expected a value, got '{}'", rest_);
    return text;
  }

  Result<std::string> string() {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return text;
      if (c == '\\' && quote == '"') {
        SLIP_TRY(escape(text));
      } else {
        text += c;
      }
    }
    return invalid("expected a {} at the end of the string", quote);
  }

  // Behind the backslash.
  Result<> escape(std::string& text) {
    constexpr std::string_view kLetters = "\"\\nrtbf";
    constexpr std::string_view kCharacters = "\"\\\n\r\t\b\f";
    const char letter = rest_.empty() ? ' ' : rest_.front();
    if (const auto at = kLetters.find(letter); at != std::string_view::npos) {
      text += kCharacters[at];
      rest_.remove_prefix(1);
      return {};
    }
    const std::size_t n_digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    const std::string_view digits = rest_.substr(std::min<std::size_t>(1, rest_.size()), n_digits);
    std::uint32_t code = 0;
    const char* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, code, 16);
    if (n_digits == 0 || digits.size() < n_digits || parsed.ptr != end || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff)) {
      return invalid("expected an escape of TOML (\\n, \\t, \\\", \\\\, \\u00e9, …), got '\\{}'",
                     rest_.substr(0, 1 + n_digits));
    }
    append_utf8(text, code);
    rest_.remove_prefix(1 + n_digits);
    return {};
  }

  std::string_view rest_;
};

// One line's part of the file. `section` is where its keys belong.
Result<> parse_line(std::string_view text, int number, std::string& section, ConfigFile& file) {
  Line line(text);
  if (line.at_end() || text.front() == ';') return {};
  if (line.take('[')) {
    std::string name = SLIP_TRY(line.heading());
    SLIP_TRY(line.expect_end());
    for (const ConfigSection& known : file.sections) {
      if (known.name != name) continue;
      return invalid("[{}] is there twice, first in line {}", name, known.line);
    }
    section = name == "*" ? "" : name;
    file.sections.push_back({std::move(name), number});
    return {};
  }
  ConfigEntry entry{.section = section, .key = {}, .values = {}, .line = number};
  entry.key = SLIP_TRY(line.key());
  for (const ConfigEntry& known : file.entries) {
    if (known.section != section || known.key != entry.key) continue;
    return invalid("the key '{}' is there twice, first in line {}", entry.key, known.line);
  }
  entry.values = SLIP_TRY(line.values());
  SLIP_TRY(line.expect_end());
  file.entries.push_back(std::move(entry));
  return {};
}

}  // namespace

Result<ConfigFile> parse_config(const std::filesystem::path& path, std::string_view text) {
  ConfigFile file{.path = path, .sections = {}, .entries = {}};
  std::string section;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto done = parse_line(line, number, section, file);
    if (!done) return invalid("{}: {}", file.at(number), done.error().message);
  }
  return file;
}

}  // namespace slip
