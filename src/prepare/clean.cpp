#include "prepare/clean.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "formats/json.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace slip {
namespace {

constexpr std::uint32_t kByteOrderMark = 0xfeff;

std::optional<std::string> text_of_json(std::string_view line) {
  const auto value = parse_json(line, "line");
  if (!value || !value->is_object()) return std::nullopt;
  const boost::json::value* text = value->as_object().if_contains("text");
  if (text == nullptr || !text->is_string()) return std::nullopt;
  return std::string(text->as_string());
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

bool is_dropped_char(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == kByteOrderMark;
}

// Puts lines together as clean_document() says.
class LineWriter {
 public:
  explicit LineWriter(std::size_t n_bytes) { out_.reserve(n_bytes); }

  void end_line() {
    has_line_ = has_line_ || !out_.empty();
    n_line_ends_ += has_line_ ? 1 : 0;
    indent_.clear();
    at_start_ = true;
  }
  void space(std::string_view spelled) {
    if (at_start_) {
      indent_ += spelled;
    } else {
      owes_space_ = true;
    }
  }
  void character(std::string_view spelled) {
    if (at_start_) {
      if (!out_.empty()) out_.append(std::min<std::size_t>(n_line_ends_, 2), '\n');
      out_ += indent_;
      n_line_ends_ = 0;
    } else if (owes_space_) {
      out_ += ' ';
    }
    at_start_ = owes_space_ = false;
    out_ += spelled;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string indent_;           // of the line, which has no other characters yet
  std::size_t n_line_ends_ = 0;  // not written yet
  bool has_line_ = false;
  bool at_start_ = true;
  bool owes_space_ = false;
};

std::string clean_lines(std::string_view text) {
  LineWriter lines(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char c = utf8_at(text.data() + i);
    const std::string_view spelled = text.substr(i, c.size);
    i += c.size;
    if (c.code == '\n' || c.code == '\r') {
      if (c.code == '\r' && i < text.size() && text[i] == '\n') ++i;
      lines.end_line();
    } else if (c.code == '\t' || (!is_dropped_char(c.code) && char_class(c.code) == kSpace)) {
      lines.space(spelled);
    } else if (!is_dropped_char(c.code)) {
      lines.character(spelled);
    }
  }
  return lines.take();
}

std::int64_t n_chars(std::string_view text) {
  return std::count_if(text.begin(), text.end(), utf8_starts_char);
}

}  // namespace

CleanText clean_document(const RawDocument& document, const CleanOptions& options) {
  CleanText result;
  const auto dropped = [&result](DropReason reason) {
    result.dropped = reason;
    result.text.clear();
    return result;
  };
  std::string_view raw = document.bytes;
  std::string repaired;
  if (!is_valid_utf8(raw)) {
    if (options.ill_formed == IllFormed::kDrop) return dropped(DropReason::kIllFormed);
    result.was_repaired = true;
    raw = repaired = repair_utf8(raw);
  }
  std::string json_text;
  if (document.is_json) {
    auto text = text_of_json(raw);
    if (!text || text->size() > DocumentReader::kMaxDocumentBytes) {
      return dropped(DropReason::kMalformed);
    }
    raw = json_text = std::move(*text);
  }
  std::string normal;
  if (!is_ascii(raw)) {
    auto nfc = normalize_unicode(raw, NormalForm::kNfc);
    if (!nfc) return dropped(DropReason::kMalformed);
    raw = normal = std::move(*nfc);
  }
  result.text = clean_lines(raw);
  if (n_chars(result.text) < options.min_chars) return dropped(DropReason::kShort);
  return result;
}

}  // namespace slip
