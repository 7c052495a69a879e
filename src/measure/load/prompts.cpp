#include "measure/load/prompts.h"

#include <array>
#include <boost/json.hpp>
#include <string_view>

#include "base/rng.h"
#include "formats/json.h"
#include "measure/load/words.h"

namespace slip {
namespace {

// What one request draws from: its own sequence of random numbers, of which the first two are for
// the lengths.
constexpr std::uint64_t kPromptLength = 0, kAnswerLength = 1, kFirstWord = 2;
constexpr std::uint64_t kSharedNumber = ~std::uint64_t{0};  // no request's

std::int64_t draw(LengthRange range, std::uint64_t bits) {
  return range.min +
         static_cast<std::int64_t>(bits % static_cast<std::uint64_t>(range.max - range.min + 1));
}

void append_words(std::string& text, std::int64_t n_words, std::uint64_t stream) {
  for (std::int64_t i = 0; i < n_words; ++i) {
    const std::uint64_t bits = random_bits(stream, kFirstWord + static_cast<std::uint64_t>(i));
    if (!text.empty()) text += ' ';
    text += kLoadWords[bits % kLoadWords.size()];
  }
}

std::int64_t answer_length(const MadePrompts& made, std::uint64_t number) {
  return draw(made.answer_tokens, random_bits(random_bits(made.seed, number), kAnswerLength));
}

Result<LoadPrompt> parse_line(std::string_view line, const std::string& name) {
  const boost::json::value value = SLIP_TRY(parse_json(line, name));
  if (!value.is_object()) return invalid("{}: expected an object, got {}", name, json_kind(value));
  const JsonView view(value.get_object(), name);
  LoadPrompt prompt;
  prompt.max_tokens = SLIP_TRY(view.integer_or("max_tokens", 0));
  if (prompt.max_tokens < 0) {
    return invalid("{}: key max_tokens: expected 1 or more, got {}", name, prompt.max_tokens);
  }
  const boost::json::value* messages = view.find("messages");
  if (messages == nullptr) {
    prompt.text = SLIP_TRY(view.string("prompt"));
    return prompt;
  }
  if (!messages->is_array()) {
    return invalid("{}: key messages: expected an array, got {}", name, json_kind(*messages));
  }
  prompt.messages = boost::json::serialize(*messages);
  return prompt;
}

}  // namespace

LoadPrompt make_prompt(const MadePrompts& made, std::uint64_t number) {
  LoadPrompt prompt;
  append_words(prompt.text, made.n_shared_tokens, random_bits(made.seed, kSharedNumber));
  const std::uint64_t stream = random_bits(made.seed, number);
  append_words(prompt.text, draw(made.prompt_tokens, random_bits(stream, kPromptLength)), stream);
  prompt.max_tokens = answer_length(made, number);
  return prompt;
}

Result<std::vector<LoadPrompt>> read_prompts(const std::filesystem::path& path,
                                             const MadePrompts& defaults) {
  const std::string text = SLIP_TRY(read_text(path));
  std::vector<LoadPrompt> prompts;
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    prompts.push_back(
        SLIP_TRY(parse_line(line, fmt::format("{}: line {}", path.string(), line_number))));
    if (prompts.back().max_tokens == 0) {
      prompts.back().max_tokens = answer_length(defaults, prompts.size() - 1);
    }
  }
  if (prompts.empty()) return invalid("{}: expected prompts, got an empty file", path.string());
  return prompts;
}

}  // namespace slip
