#include <boost/json/array.hpp>

#include "formats/json.h"
#include "serve/openai/requests.h"

namespace slip {
namespace {

constexpr const char* kPromptKinds = "a string, an array of tokens, or an array of these";

Reply<std::vector<std::int32_t>> parse_tokens(const Fields& body, std::string_view name,
                                              const boost::json::array& list) {
  std::vector<std::int32_t> tokens;
  tokens.reserve(list.size());
  for (const auto& item : list) {
    const auto token = as_integer(item);
    if (!token) return body.wrong_type(name, kPromptKinds, item);
    if (*token < 0 || *token > std::numeric_limits<std::int32_t>::max()) {
      return bad_field(body.path(name), "invalid_value", "expected token ids, got {}", *token);
    }
    tokens.push_back(static_cast<std::int32_t>(*token));
  }
  if (tokens.empty())
    return bad_field(body.path(name), "invalid_value", "expected tokens, got none");
  return tokens;
}

Reply<Prompt> parse_prompt(const Fields& body, std::string_view name,
                           const boost::json::value& value) {
  if (value.is_string()) return Prompt(std::string(value.get_string()));
  if (!value.is_array()) return body.wrong_type(name, kPromptKinds, value);
  return Prompt(SLIP_TRY(parse_tokens(body, name, value.get_array())));
}

}  // namespace

Reply<std::vector<Prompt>> parse_prompts(const Fields& body, std::string_view name) {
  const boost::json::value& value = *SLIP_TRY(body.require(name));
  std::vector<Prompt> prompts;
  const bool is_one = value.is_string() || (value.is_array() && !value.get_array().empty() &&
                                            value.get_array().front().is_number());
  if (is_one || !value.is_array()) {
    prompts.push_back(SLIP_TRY(parse_prompt(body, name, value)));
    return prompts;
  }
  const boost::json::array& list = value.get_array();
  if (list.empty() || list.size() > kMaxPrompts) {
    return bad_field(body.path(name), "invalid_value", "expected 1 … {} items, got {}", kMaxPrompts,
                     list.size());
  }
  prompts.reserve(list.size());
  for (const auto& item : list) prompts.push_back(SLIP_TRY(parse_prompt(body, name, item)));
  return prompts;
}

Reply<CompletionRequest> parse_completion_request(const Fields& body,
                                                  const SamplingParams& defaults) {
  CompletionRequest request;
  request.model = SLIP_TRY(body.string("model")).value_or("");
  request.prompts = SLIP_TRY(parse_prompts(body, "prompt"));
  request.options = SLIP_TRY(parse_generation_options(body, defaults));
  request.echo = SLIP_TRY(body.boolean("echo")).value_or(false);
  // With 0 the prompt alone is scored.
  const std::int64_t least = request.echo ? 0 : 1;
  request.options.max_tokens =
      SLIP_TRY(parse_answer_tokens(body, "max_tokens", least)).value_or(kDefaultAnswerTokens);
  request.options.n_logprobs =
      static_cast<int>(SLIP_TRY(body.integer("logprobs", {0, 20})).value_or(-1));
  if (const auto best_of = SLIP_TRY(body.integer("best_of", {1, kMaxChoices}));
      best_of && *best_of != request.options.n) {
    return bad_field(body.path("best_of"), "invalid_value", "expected the value of n, {}, got {}",
                     request.options.n, *best_of);
  }
  if (const auto suffix = SLIP_TRY(body.string("suffix")); suffix && !suffix->empty()) {
    return bad_field(body.path("suffix"), "invalid_value", "the model can't fill in text");
  }
  return request;
}

Reply<EmbeddingRequest> parse_embedding_request(const Fields& body) {
  EmbeddingRequest request;
  request.model = SLIP_TRY(body.string("model")).value_or("");
  request.inputs = SLIP_TRY(parse_prompts(body, "input"));
  for (const Prompt& input : request.inputs) {
    const auto* text = std::get_if<std::string>(&input);
    if (text != nullptr && text->empty()) {
      return bad_field(body.path("input"), "invalid_value", "expected text, got an empty string");
    }
  }
  if (body.find("dimensions") != nullptr) {
    return bad_field(body.path("dimensions"), "invalid_value",
                     "the model's embeddings can't be shortened");
  }
  const std::string format = SLIP_TRY(body.string("encoding_format")).value_or("float");
  if (format != "float" && format != "base64") {
    return bad_field(body.path("encoding_format"), "invalid_value",
                     "expected float or base64, got '{}'", format);
  }
  request.base64 = format == "base64";
  return request;
}

}  // namespace slip
