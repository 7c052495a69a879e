#include "text/regex_splitter.h"

#include <algorithm>
#include <utility>

#include "text/scanners.h"

namespace slip {
namespace {

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Everything of Llama 3's pattern but the contractions in front and the number of digits.
constexpr std::string_view kContractions = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|)";
constexpr std::string_view kLlama3Head = R"([^\r\n\p{L}\p{N}]?\p{L}+|)";
constexpr std::string_view kLlama3Tail = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35Head = R"([^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|)";
constexpr std::string_view kQwen35Tail =
    R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The hand-written scanner equal to `pattern`, or null.
std::unique_ptr<SplitStep> known_pattern(std::string_view pattern) {
  if (pattern == kGpt2) return gpt2_splitter();
  if (pattern == R"(\p{N})") return digit_splitter(1);
  if (pattern == R"(\p{N}{1,3})") return digit_splitter(3);
  if (pattern == R"(\p{N}+)") return digit_splitter(0);
  if (pattern == R"([^\n]+|[\n]+)") return newline_splitter();
  Llama3Pattern llama3;
  llama3.contractions = pattern.starts_with(kContractions);
  if (llama3.contractions) pattern.remove_prefix(kContractions.size());
  llama3.marks = pattern.starts_with(kQwen35Head);
  const std::string_view head = llama3.marks ? kQwen35Head : kLlama3Head;
  const std::string_view tail = llama3.marks ? kQwen35Tail : kLlama3Tail;
  if (!pattern.starts_with(head) || !pattern.ends_with(tail)) return nullptr;
  if (pattern.size() < head.size() + tail.size()) return nullptr;
  pattern = pattern.substr(head.size(), pattern.size() - head.size() - tail.size());
  if (pattern == R"(\p{N}{1,3})") {
    llama3.max_digits = 3;
  } else if (pattern == R"(\p{N})") {
    llama3.max_digits = 1;
  } else {
    return nullptr;
  }
  return llama3_splitter(llama3);
}

class RegexStep : public SplitStep {
 public:
  RegexStep(std::unique_ptr<TextPattern> pattern, SplitOptions options)
      : pattern_(std::move(pattern)), options_(options) {}

  void split(std::string_view text, Pieces& out) const override {
    append_pieces(text, pattern_->spans(text), options_, out);
  }

 private:
  std::unique_ptr<TextPattern> pattern_;
  SplitOptions options_;
};

class LiteralStep : public SplitStep {
 public:
  LiteralStep(std::string literal, SplitOptions options)
      : literal_(std::move(literal)), options_(options) {}

  void split(std::string_view text, Pieces& out) const override {
    std::vector<Span> spans;
    std::size_t done = 0;
    while (!literal_.empty()) {
      const std::size_t begin = text.find(literal_, done);
      if (begin == std::string_view::npos) break;
      if (begin > done) spans.push_back({done, begin, false});
      done = begin + literal_.size();
      spans.push_back({begin, done, true});
    }
    if (done < text.size()) spans.push_back({done, text.size(), false});
    append_pieces(text, std::move(spans), options_, out);
  }

 private:
  std::string literal_;
  SplitOptions options_;
};

// A match joins the neighbour before it, unless that is a match as well.
std::vector<Span> merged_with_previous(const std::vector<Span>& spans) {
  std::vector<Span> out;
  bool after_match = false;
  for (const Span& span : spans) {
    if (span.is_match && !after_match && !out.empty()) {
      out.back().end = span.end;
    } else {
      out.push_back(span);
    }
    after_match = span.is_match;
  }
  return out;
}

std::vector<Span> merged_with_next(const std::vector<Span>& spans) {
  std::vector<Span> out;
  bool before_match = false;
  for (std::size_t i = spans.size(); i-- > 0;) {
    if (spans[i].is_match && !before_match && !out.empty()) {
      out.back().begin = spans[i].begin;
    } else {
      out.push_back(spans[i]);
    }
    before_match = spans[i].is_match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<Span> contiguous(const std::vector<Span>& spans) {
  std::vector<Span> out;
  for (const Span& span : spans) {
    if (!out.empty() && out.back().is_match == span.is_match) {
      out.back().end = span.end;
    } else {
      out.push_back(span);
    }
  }
  return out;
}

}  // namespace

void append_pieces(std::string_view text, std::vector<Span> spans, SplitOptions options,
                   Pieces& out) {
  if (options.invert) {
    for (Span& span : spans) span.is_match = !span.is_match;
  }
  switch (options.behavior) {
    case SplitBehavior::kIsolated:
      break;
    case SplitBehavior::kRemoved:
      std::erase_if(spans, [](const Span& s) { return s.is_match; });
      break;
    case SplitBehavior::kMergedWithPrevious:
      spans = merged_with_previous(spans);
      break;
    case SplitBehavior::kMergedWithNext:
      spans = merged_with_next(spans);
      break;
    case SplitBehavior::kContiguous:
      spans = contiguous(spans);
      break;
  }
  for (const Span& span : spans) out.push_back(text.substr(span.begin, span.end - span.begin));
}

Result<std::unique_ptr<SplitStep>> regex_splitter(std::string_view pattern, SplitOptions options) {
  if (options.behavior == SplitBehavior::kIsolated && !options.invert) {
    if (auto known = known_pattern(pattern)) return known;
  }
  std::unique_ptr<TextPattern> compiled = SLIP_TRY(compile_pattern(pattern));
  return std::make_unique<RegexStep>(std::move(compiled), options);
}

std::unique_ptr<SplitStep> literal_splitter(std::string literal, SplitOptions options) {
  return std::make_unique<LiteralStep>(std::move(literal), options);
}

}  // namespace slip
