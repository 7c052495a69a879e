#include "cli/options.h"

#include <charconv>
#include <chrono>
#include <limits>

#include "cli/console.h"

namespace slip {
namespace {

KvType kv_type(const std::string& name) {
  if (name == "bf16") return KvType::kBF16;
  if (name == "f32") return KvType::kF32;
  if (name == "q8_0") return KvType::kQ8_0;
  return KvType::kF16;
}

Result<std::pair<std::int32_t, float>> parse_bias(const std::string& text) {
  const auto sign = text.find_first_of("+-");
  std::int32_t id = 0;
  const char* begin = text.data();
  const auto parsed = std::from_chars(begin, begin + std::min(sign, text.size()), id);
  if (sign == std::string::npos || sign == 0 || parsed.ec != std::errc() ||
      parsed.ptr != begin + sign) {
    return invalid("--logit-bias: expected TOKEN_ID+BIAS or TOKEN_ID-BIAS, got '{}'", text);
  }
  const std::string number = text.substr(sign + 1);
  float bias = 0;
  if (number == "inf") {
    bias = std::numeric_limits<float>::infinity();
  } else {
    const char* end = number.data() + number.size();
    const auto value = std::from_chars(number.data(), end, bias);
    if (value.ec != std::errc() || value.ptr != end || number.empty()) {
      return invalid("--logit-bias: expected a number after the sign, got '{}'", text);
    }
  }
  return std::pair{id, text[sign] == '-' ? -bias : bias};
}

}  // namespace

void declare_model(Arguments& args, std::string& path) {
  args.section("Model");
  args.add_path("-m,--model", path, "GGUF file, or folder with config.json and safetensors");
  args.add_positional("model", path, "");
  args.require([&path]() -> Result<> {
    if (path.empty()) return invalid("no model given: expected -m FILE");
    return {};
  });
}

void ModelOptions::declare(Arguments& args) {
  declare_without_context(args);
  args.add("-c,--ctx-size", n_ctx, "context in tokens (0: what the model was trained for)",
           kNotNegative);
}

void ModelOptions::declare_without_context(Arguments& args) {
  declare_model(args, path);
  args.add("-t,--threads", n_threads, "threads (0: the cores this process may use)",
           {.min = 0, .max = 4096});
  args.add("-b,--batch-size", batch_size, "tokens that a prefill takes at a time",
           {.min = 1, .max = 65536});
  const std::vector<std::string> types{"f16", "bf16", "f32", "q8_0"};
  args.add_choice("-ctk,--cache-type-k", cache_type_k, types, "type of the KV cache's keys");
  args.add_choice("-ctv,--cache-type-v", cache_type_v, types, "type of its values: as the keys'");
  args.add_flag("--exact", exact, "F32 activations, KV cache and accumulation: the yardstick");
  args.require([this]() -> Result<> {
    if (cache_type_v.empty() || cache_type_k == cache_type_v) return {};
    return invalid("--cache-type-k and --cache-type-v: expected the same type, got {} and {}",
                   cache_type_k, cache_type_v);
  });
}

Result<std::unique_ptr<Runtime>> ModelOptions::make_runtime() const {
  return Runtime::create({.n_threads = n_threads});
}

LoadOptions ModelOptions::load_options() const {
  return {.n_ctx = n_ctx,
          .max_rows = batch_size,
          .kv_type = kv_type(cache_type_k),
          .arithmetic = exact ? Arithmetic::kExact : Arithmetic::kFast};
}

void SamplingOptions::declare(Arguments& args) {
  args.section("Sampling");
  args.add("--temperature,--temp", temperature, "temperature; 0 takes the likeliest token",
           kNotNegative);
  args.add("--top-k", top_k, "keep the k likeliest tokens; 0 = all", kNotNegative);
  constexpr Bounds kShare{.min = 0, .max = 1};
  args.add("--top-p", top_p, "keep the smallest set of tokens with this probability", kShare);
  args.add("--min-p", min_p, "keep tokens this likely relative to the likeliest", kShare);
  args.add("--typical", typical_p, "keep the locally typical tokens with this probability", kShare);
  args.add("--repeat-penalty", repeat_penalty, "penalty on tokens that occurred; 1 = none");
  args.add("--repeat-last-n", repeat_last_n, "tokens that penalties look back; -1 = all");
  args.add("--presence-penalty", presence_penalty, "subtracted once from tokens that occurred");
  args.add("--frequency-penalty", frequency_penalty, "subtracted per occurrence");
  args.add("-l,--logit-bias", logit_bias, "ID+BIAS or ID-BIAS, as 15043+1 or 29871-inf");
  args.add("-s,--seed", seed, "seed of the draws; negative = from the clock");
  args.require([this]() -> Result<> {
    for (const std::string& text : logit_bias) SLIP_TRY(parse_bias(text));
    return {};
  });
}

Result<SamplingParams> SamplingOptions::params(const ModelSource& source) const {
  // What was asked for, else what the model's makers say, else llama.cpp's defaults, which people
  // who switch are used to.
  const SamplingHints& hints = source.sampling();
  const auto real = [](std::optional<float> asked, std::optional<double> hint, float usual) {
    return asked.value_or(hint ? static_cast<float>(*hint) : usual);
  };
  const auto whole = [](std::optional<int> asked, std::optional<std::int64_t> hint, int usual) {
    return asked.value_or(static_cast<int>(hint.value_or(usual)));
  };
  SamplingParams p{.temperature = real(temperature, hints.temperature, 0.8f),
                   .top_k = whole(top_k, hints.top_k, 40),
                   .top_p = real(top_p, hints.top_p, 0.95f),
                   .min_p = real(min_p, hints.min_p, 0.05f),
                   .typical_p = real(typical_p, hints.typical_p, 1.0f),
                   .repeat_penalty = real(repeat_penalty, hints.repeat_penalty, 1.0f),
                   .presence_penalty = presence_penalty.value_or(0.0f),
                   .frequency_penalty = frequency_penalty.value_or(0.0f),
                   .penalty_window = whole(repeat_last_n, hints.penalty_window, 64),
                   .logit_bias = {},
                   .seed = 0};
  for (const std::string& text : logit_bias) {
    p.logit_bias.insert(SLIP_TRY(parse_bias(text)));
  }
  const bool chosen = seed.has_value() && *seed >= 0;
  p.seed = static_cast<std::uint64_t>(
      chosen ? *seed : std::chrono::system_clock::now().time_since_epoch().count());
  return p;
}

void AnswerOptions::declare(Arguments& args) {
  args.section("Answer");
  args.add("-n,--n-predict,--predict", max_tokens,
           "tokens to generate at most; -1 = until the answer ends or the context is full",
           {.min = -1});
  args.add("-r,--reverse-prompt", stop, "end the answer before this text; may be repeated");
  args.add_flag("--ignore-eos", ignore_eos, "go on after the model's end of answer");
  args.add("-sys,--system-prompt", system_prompt, "the system message");
  args.add("--chat-template", chat_template, "Jinja template instead of the model's");
  args.add_path("--chat-template-file", chat_template_file, "the same, from a file");
}

Result<std::string> AnswerOptions::template_override() const {
  if (chat_template_file.empty()) return chat_template;
  return read_input(chat_template_file);
}

}  // namespace slip
