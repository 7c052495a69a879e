#include "cli/options.h"

#include <charconv>
#include <chrono>
#include <limits>

namespace slip {

Result<KvType> kv_type_by_name(const std::string& name) {
  if (name == "f16") return KvType::kF16;
  if (name == "bf16") return KvType::kBF16;
  if (name == "f32") return KvType::kF32;
  if (name == "q8_0") return KvType::kQ8_0;
  return invalid("KV cache type: expected f16, bf16, f32 or q8_0, got '{}'", name);
}

void ModelOptions::declare(CLI::App& app) {
  const char* group = "Model";
  app.add_option("model,-m,--model", path, "GGUF file, or folder with config.json and safetensors")
      ->group(group)
      ->required();
  app.add_option("-c,--ctx-size", n_ctx, "context in tokens (0: what the model was trained for)")
      ->group(group)
      ->check(CLI::NonNegativeNumber);
  app.add_option("-t,--threads", n_threads, "threads (0: the cores this process may use)")
      ->group(group)
      ->check(CLI::NonNegativeNumber);
  app.add_option("-b,--batch-size", batch_size, "tokens that a prefill takes at a time")
      ->group(group)
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--cache-type-k,--ctk", cache_type_k, "KV cache keys: f16, bf16, f32, q8_0")
      ->group(group)
      ->capture_default_str();
  app.add_option("--cache-type-v,--ctv", cache_type_v, "KV cache values; the same as the keys'")
      ->group(group)
      ->capture_default_str();
  app.add_flag("--exact", exact, "F32 activations, KV cache and accumulation: the yardstick")
      ->group(group);
}

Result<std::unique_ptr<Runtime>> ModelOptions::make_runtime() const {
  return Runtime::create({.n_threads = n_threads});
}

Result<LoadOptions> ModelOptions::load_options() const {
  if (cache_type_k != cache_type_v) {
    return fail(ErrorKind::kUnsupported,
                "KV cache: keys and values must have one type, got {} and {}", cache_type_k,
                cache_type_v);
  }
  return LoadOptions{.n_ctx = n_ctx,
                     .max_rows = batch_size,
                     .kv_type = SLIP_TRY(kv_type_by_name(cache_type_k)),
                     .arithmetic = exact ? Arithmetic::kExact : Arithmetic::kFast};
}

void SamplingOptions::declare(CLI::App& app) {
  const auto add = [&app](const char* name, auto& value, const char* help) {
    app.add_option(name, value, help)->group("Sampling");
  };
  add("--temp,--temperature", temperature, "temperature; 0 takes the likeliest token");
  add("--top-k", top_k, "keep the k likeliest tokens; 0 = all");
  add("--top-p", top_p, "keep the smallest set of tokens with this probability together");
  add("--min-p", min_p, "keep tokens at least this likely relative to the likeliest");
  add("--typical", typical_p, "keep the locally typical tokens with this probability together");
  add("--repeat-penalty", repeat_penalty, "penalty on tokens that occurred; 1 = none");
  add("--repeat-last-n", repeat_last_n, "tokens that penalties look back; -1 = all");
  add("--presence-penalty", presence_penalty, "subtracted once from tokens that occurred");
  add("--frequency-penalty", frequency_penalty, "subtracted per occurrence");
  add("-l,--logit-bias", logit_bias, "TOKEN_ID(+|-)BIAS, for example 15043+1 or 29871-inf");
  add("-s,--seed", seed, "seed of the draws; negative = from the clock");
}

namespace {

Result<std::pair<std::int32_t, float>> parse_bias(const std::string& text) {
  const auto sign = text.find_first_of("+-");
  std::int32_t id = 0;
  const char* begin = text.data();
  const auto parsed = std::from_chars(begin, begin + std::min(sign, text.size()), id);
  if (sign == std::string::npos || sign == 0 || parsed.ec != std::errc() ||
      parsed.ptr != begin + sign) {
    return invalid("logit bias: expected TOKEN_ID+BIAS or TOKEN_ID-BIAS, got '{}'", text);
  }
  const std::string number = text.substr(sign + 1);
  float bias = 0;
  if (number == "inf") {
    bias = std::numeric_limits<float>::infinity();
  } else {
    const char* end = number.data() + number.size();
    const auto value = std::from_chars(number.data(), end, bias);
    if (value.ec != std::errc() || value.ptr != end || number.empty()) {
      return invalid("logit bias: expected a number after the sign, got '{}'", text);
    }
  }
  return std::pair{id, text[sign] == '-' ? -bias : bias};
}

}  // namespace

Result<SamplingParams> SamplingOptions::params(const ModelSource&) const {
  // The defaults of llama.cpp, which people who switch are used to.
  SamplingParams p{.temperature = temperature.value_or(0.8f),
                   .top_k = top_k.value_or(40),
                   .top_p = top_p.value_or(0.95f),
                   .min_p = min_p.value_or(0.05f),
                   .typical_p = typical_p.value_or(1.0f),
                   .repeat_penalty = repeat_penalty.value_or(1.0f),
                   .presence_penalty = presence_penalty.value_or(0.0f),
                   .frequency_penalty = frequency_penalty.value_or(0.0f),
                   .penalty_window = repeat_last_n.value_or(64),
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

}  // namespace slip
