#include "serve/generation_options.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>
#include <limits>

#include "formats/json.h"

namespace slip {
namespace {

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();

Reply<std::vector<std::string>> parse_stop(const Fields& body) {
  std::vector<std::string> stops;
  const boost::json::value* value = body.find("stop");
  if (value == nullptr) return stops;
  if (value->is_string()) {
    stops.emplace_back(value->get_string());
  } else if (value->is_array()) {
    for (const auto& item : value->get_array()) {
      if (!item.is_string()) return body.wrong_type("stop", "an array of strings", *value);
      stops.emplace_back(item.get_string());
    }
  } else {
    return body.wrong_type("stop", "a string or an array of strings", *value);
  }
  if (stops.size() > kMaxStops) {
    return bad_field(body.path("stop"), "invalid_value", "expected at most {} strings, got {}",
                     kMaxStops, stops.size());
  }
  for (const std::string& stop : stops) {
    if (!stop.empty() && stop.size() <= kMaxStopBytes) continue;
    return bad_field(body.path("stop"), "invalid_value", "expected strings of 1 … {} bytes, got {}",
                     kMaxStopBytes, stop.size());
  }
  return stops;
}

// {"token id": bias}, as OpenAI has it.
Reply<> parse_logit_bias(const Fields& body, SamplingParams& sampling) {
  const boost::json::object* biases = SLIP_TRY(body.object("logit_bias"));
  if (biases == nullptr) return {};
  for (const auto& [key, value] : *biases) {
    std::int32_t token = 0;
    const auto parsed = std::from_chars(key.data(), key.data() + key.size(), token);
    if (parsed.ec != std::errc() || parsed.ptr != key.data() + key.size()) {
      return bad_field(body.path("logit_bias"), "invalid_value", "expected token ids, got '{}'",
                       std::string_view(key));
    }
    const double bias =
        value.is_number() ? value.to_number<double>() : std::numeric_limits<double>::quiet_NaN();
    if (!(bias >= -100 && bias <= 100)) {
      return bad_field(body.path("logit_bias"), "invalid_value",
                       "token {}: expected a number from -100 to 100", token);
    }
    sampling.logit_bias[token] = static_cast<float>(bias);
  }
  return {};
}

Reply<> parse_sampling(const Fields& body, SamplingParams& sampling) {
  const auto real = [&](const char* name, float& target, Range<double> range) -> Reply<> {
    const auto value = SLIP_TRY(body.number(name, range));
    if (value) target = static_cast<float>(*value);
    return {};
  };
  const auto whole = [&](const char* name, int& target, Range<std::int64_t> range) -> Reply<> {
    const auto value = SLIP_TRY(body.integer(name, range));
    if (value) target = static_cast<int>(*value);
    return {};
  };
  SLIP_TRY(real("temperature", sampling.temperature, {0, 2}));
  SLIP_TRY(real("top_p", sampling.top_p, {0, 1}));
  SLIP_TRY(real("min_p", sampling.min_p, {0, 1}));
  SLIP_TRY(real("typical_p", sampling.typical_p, {0, 1}));
  SLIP_TRY(real("presence_penalty", sampling.presence_penalty, {-2, 2}));
  SLIP_TRY(real("frequency_penalty", sampling.frequency_penalty, {-2, 2}));
  // vLLM's name and llama-server's.
  SLIP_TRY(real("repetition_penalty", sampling.repeat_penalty, {0.01, 100}));
  SLIP_TRY(real("repeat_penalty", sampling.repeat_penalty, {0.01, 100}));
  // vLLM writes "all" as -1.
  SLIP_TRY(whole("top_k", sampling.top_k, {-1, kMaxInt32}));
  if (sampling.top_k < 0) sampling.top_k = 0;
  SLIP_TRY(whole("repeat_last_n", sampling.penalty_window, {-1, kMaxInt32}));
  SLIP_TRY(parse_logit_bias(body, sampling));
  constexpr auto kAny = Range<std::int64_t>{std::numeric_limits<std::int64_t>::min(),
                                            std::numeric_limits<std::int64_t>::max()};
  const auto seed = SLIP_TRY(body.integer("seed", kAny));
  sampling.seed = static_cast<std::uint64_t>(
      seed.value_or(std::chrono::system_clock::now().time_since_epoch().count()));
  return {};
}

Reply<ResponseFormat> parse_response_format(const Fields& body) {
  using Kind = ResponseFormat::Kind;
  const boost::json::object* format = SLIP_TRY(body.object("response_format"));
  if (format == nullptr) return ResponseFormat{};
  const Fields fields(*format, body.path("response_format."));
  const std::string type = SLIP_TRY(fields.required_string("type"));
  if (type == "text") return ResponseFormat{};
  if (type == "json_object") {
    // llama-server's form has the schema here.
    const auto* schema = SLIP_TRY(fields.object("schema"));
    if (schema == nullptr) return ResponseFormat{.kind = Kind::kJsonObject};
    return ResponseFormat{.kind = Kind::kJsonSchema, .source = boost::json::serialize(*schema)};
  }
  if (type == "json_schema") {
    SLIP_TRY(fields.require("json_schema"));
    const Fields named(*SLIP_TRY(fields.object("json_schema")), fields.path("json_schema."));
    SLIP_TRY(named.require("schema"));
    const auto* schema = SLIP_TRY(named.object("schema"));
    return ResponseFormat{.kind = Kind::kJsonSchema, .source = boost::json::serialize(*schema)};
  }
  return bad_field(fields.path("type"), "invalid_value",
                   "expected text, json_object or json_schema, got '{}'", type);
}

// response_format, or llama-server's `grammar` and `json_schema`.
Reply<ResponseFormat> parse_format(const Fields& body) {
  using Kind = ResponseFormat::Kind;
  ResponseFormat format = SLIP_TRY(parse_response_format(body));
  const auto grammar = SLIP_TRY(body.string("grammar"));
  const auto* schema = SLIP_TRY(body.object("json_schema"));
  const bool has_grammar = grammar && !grammar->empty();
  const int n_given = (format.kind != Kind::kText) + has_grammar + (schema != nullptr);
  if (n_given > 1) {
    return bad_field(body.path(has_grammar ? "grammar" : "json_schema"), "invalid_value",
                     "expected one of grammar, json_schema and response_format, got {}", n_given);
  }
  if (has_grammar) format = {.kind = Kind::kGrammar, .source = *grammar};
  if (schema != nullptr) {
    format = {.kind = Kind::kJsonSchema, .source = boost::json::serialize(*schema)};
  }
  return format;
}

}  // namespace

Reply<std::optional<std::int64_t>> parse_answer_tokens(const Fields& body, std::string_view name,
                                                       std::int64_t least) {
  const auto n = SLIP_TRY(body.integer(name, {-1, kMaxAnswerTokens}));
  if (!n || *n == -1 || *n >= least) return n;
  return bad_field(body.path(name), "invalid_value",
                   "expected {} … {}, or -1 for all that there is room for, got {}", least,
                   kMaxAnswerTokens, *n);
}

Reply<GenerationOptions> parse_generation_options(const Fields& body,
                                                  const SamplingParams& defaults) {
  GenerationOptions options;
  options.sampling = defaults;
  SLIP_TRY(parse_sampling(body, options.sampling));
  options.stop = SLIP_TRY(parse_stop(body));
  options.n = SLIP_TRY(body.integer("n", {1, kMaxChoices})).value_or(1);
  options.ignore_eos = SLIP_TRY(body.boolean("ignore_eos")).value_or(false);
  // vLLM's: the lower, the earlier.
  options.priority =
      -static_cast<int>(SLIP_TRY(body.integer("priority", {-1000, 1000})).value_or(0));
  options.stream = SLIP_TRY(body.boolean("stream")).value_or(false);
  if (const auto* stream_options = SLIP_TRY(body.object("stream_options"))) {
    const Fields fields(*stream_options, body.path("stream_options."));
    if (!options.stream) {
      return bad_field(body.path("stream_options"), "invalid_value",
                       "expected it with stream: true only");
    }
    options.include_usage = SLIP_TRY(fields.boolean("include_usage")).value_or(false);
  }
  options.format = SLIP_TRY(parse_format(body));
  return options;
}

}  // namespace slip
