#include "serve/tool_calls.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <utility>

namespace slip {
namespace {

constexpr std::size_t kMaxNesting = 64;
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::string_view kHermesBegin = "<tool_call>", kHermesEnd = "</tool_call>";
constexpr std::string_view kMistralBegin = "[TOOL_CALLS]";
constexpr std::string_view kLlamaBegin = "<|python_tag|>";

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

std::string_view begin_mark(ToolFormat format) {
  switch (format) {
    case ToolFormat::kHermes:
      return kHermesBegin;
    case ToolFormat::kLlama3:
      return kLlamaBegin;
    case ToolFormat::kMistral:
      return kMistralBegin;
  }
  return {};
}

// The text of a JSON string literal; none when it isn't one.
std::optional<std::string> unquoted(std::string_view literal) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(literal, error);
  if (error || !value.is_string()) return std::nullopt;
  return std::string(value.get_string());
}

void add_text(std::string_view text, std::vector<ToolEvent>& events) {
  if (text.empty()) return;
  if (events.empty() || events.back().kind != ToolEvent::Kind::kText) events.emplace_back();
  events.back().text += text;
}

}  // namespace

std::optional<ToolFormat> tool_format(std::string_view chat_template) {
  const auto has = [&](std::string_view text) {
    return chat_template.find(text) != std::string_view::npos;
  };
  if (!has("tools")) return std::nullopt;
  if (has(kHermesBegin)) return ToolFormat::kHermes;
  if (has("[TOOL_CALLS]") || has("[AVAILABLE_TOOLS]")) return ToolFormat::kMistral;
  if (has("<|python_tag|>") || has("\"parameters\": ") || has("<|start_header_id|>")) {
    return ToolFormat::kLlama3;
  }
  return ToolFormat::kHermes;
}

std::vector<std::string_view> tool_marks(ToolFormat format) {
  if (format == ToolFormat::kHermes) return {kHermesBegin, kHermesEnd};
  return {begin_mark(format)};
}

bool CallScanner::push(char c) {
  return state_ == State::kInValue ? push_value(c) : push_structure(c);
}

bool CallScanner::push_structure(char c) {
  if (is_space(c) && !(state_ == State::kKey && in_string_)) return true;
  switch (state_) {
    case State::kStart:
      state_ = State::kKey;
      return c == '{';
    case State::kKey:
      if (!in_string_) {
        in_string_ = c == '"';
        return in_string_;
      }
      if (c == '"') {
        in_string_ = false;
        state_ = State::kColon;
      } else {
        key_ += c;
      }
      return key_.size() <= kMaxNameBytes;
    case State::kColon:
      state_ = State::kValue;
      return c == ':';
    case State::kValue:
      state_ = State::kInValue;
      value_.clear();
      return push_value(c);
    case State::kComma:
      key_.clear();
      state_ = c == '}' ? State::kDone : State::kKey;
      return c == '}' || c == ',';
    case State::kInValue:
    case State::kDone:
      break;
  }
  return false;
}

bool CallScanner::push_value(char c) {
  const bool is_scalar = depth_ == 0 && !in_string_ && !value_.empty();
  if (is_scalar && (c == ',' || c == '}' || is_space(c))) {
    end_value();
    return push_structure(c);
  }
  value_ += c;
  if (key_ == "arguments" || key_ == "parameters") arguments_ += c;
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      if (depth_ == 0) end_value();
    }
  } else if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if (c == '}' || c == ']') {
    if (depth_ == 0) return false;
    if (--depth_ == 0) end_value();
  }
  return depth_ <= kMaxNesting && (key_ != "name" || value_.size() <= kMaxNameBytes);
}

void CallScanner::end_value() {
  if (key_ == "name") name_ = unquoted(value_);
  state_ = State::kComma;
}

std::string CallScanner::take_arguments() {
  if (!name_) return {};
  return arguments_.substr(std::exchange(n_given_, arguments_.size()));
}

std::vector<ToolEvent> ToolCallParser::push(std::string_view text) {
  std::vector<ToolEvent> events;
  for (const char c : text) step(c, events);
  return events;
}

void ToolCallParser::step(char c, std::vector<ToolEvent>& events) {
  switch (state_) {
    case State::kText:
      return find_mark(c, events);
    case State::kBetween:
      return between(c, events);
    case State::kCall:
      return in_call(c, events);
    case State::kAfter:
      return;
  }
}

// Text that can't be the beginning of a mark is given out.
void ToolCallParser::find_mark(char c, std::vector<ToolEvent>& events) {
  if (format_ == ToolFormat::kLlama3 && at_start_ && c == '{') {
    state_ = State::kBetween;
    return between(c, events);
  }
  at_start_ = at_start_ && is_space(c);
  held_ += c;
  const std::string_view mark = begin_mark(format_);
  if (held_.ends_with(mark)) {
    std::string_view before(held_.data(), held_.size() - mark.size());
    // The line break that models put before a call is no part of the text.
    while (!before.empty() && is_space(before.back())) before.remove_suffix(1);
    add_text(before, events);
    held_.clear();
    state_ = State::kBetween;
    return;
  }
  // White space stays with what may become a mark: before one it counts for nothing.
  std::size_t keep = std::min(held_.size(), mark.size() - 1);
  while (!mark.starts_with(std::string_view(held_).substr(held_.size() - keep))) --keep;
  while (keep < held_.size() && is_space(held_[held_.size() - keep - 1])) ++keep;
  const std::size_t n_text = held_.size() - keep;
  add_text(std::string_view(held_).substr(0, n_text), events);
  held_.erase(0, n_text);
}

void ToolCallParser::between(char c, std::vector<ToolEvent>& events) {
  if (c == '{') return begin_call(c, events);
  held_ += c;
  const bool is_separator = format_ == ToolFormat::kMistral  ? c == '[' || c == ',' || c == ']'
                            : format_ == ToolFormat::kLlama3 ? c == ';'
                                                             : false;
  if (is_space(c) || is_separator) return;
  if (n_calls_ == 0) return give_up(events);
  if (format_ != ToolFormat::kHermes) {
    state_ = State::kAfter;
    return;
  }
  // </tool_call>, and perhaps the next <tool_call>, or text.
  const std::size_t begin = held_.find_first_not_of(" \n\t\r");
  std::string_view rest = std::string_view(held_).substr(begin);
  if (rest == kHermesEnd) {
    held_.clear();
    state_ = State::kText;
  } else if (!kHermesEnd.starts_with(rest)) {
    held_.clear();
    state_ = State::kAfter;
  }
}

void ToolCallParser::begin_call(char c, std::vector<ToolEvent>& events) {
  scanner_ = CallScanner();
  announced_ = false;
  state_ = State::kCall;
  in_call(c, events);
}

void ToolCallParser::in_call(char c, std::vector<ToolEvent>& events) {
  if (!announced_) held_ += c;
  if (!scanner_.push(c)) {
    if (announced_) {
      state_ = State::kAfter;
    } else {
      give_up(events);
    }
    return;
  }
  if (!announced_ && scanner_.name()) {
    announced_ = true;
    held_.clear();
    events.push_back({.kind = ToolEvent::Kind::kCall,
                      .call = n_calls_++,
                      .name = *scanner_.name(),
                      .text = scanner_.take_arguments()});
  } else if (announced_) {
    std::string arguments = scanner_.take_arguments();
    const bool joins = !events.empty() && events.back().kind != ToolEvent::Kind::kText;
    if (joins) {
      events.back().text += arguments;
    } else if (!arguments.empty()) {
      events.push_back({.kind = ToolEvent::Kind::kArguments,
                        .call = n_calls_ - 1,
                        .text = std::move(arguments)});
    }
  }
  if (!scanner_.is_complete()) return;
  if (!announced_) return give_up(events);
  held_.clear();
  state_ = calls_ == Calls::kOne ? State::kAfter : State::kBetween;
}

// What was held is text, and what follows as well.
void ToolCallParser::give_up(std::vector<ToolEvent>& events) {
  add_text(held_, events);
  held_.clear();
  at_start_ = false;
  state_ = State::kText;
}

std::vector<ToolEvent> ToolCallParser::finish() {
  std::vector<ToolEvent> events;
  const bool is_blank = std::all_of(held_.begin(), held_.end(), is_space);
  if (n_calls_ > 0 && is_blank) return events;
  if (state_ == State::kText || (state_ != State::kAfter && n_calls_ == 0)) give_up(events);
  return events;
}

}  // namespace slip
