#include "cli/options.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "cli/console.h"
#include "cli/model_cache.h"
#include "engine/model_drafter.h"
#include "kernels/dispatch.h"
#include "measure/eval/certificate.h"

namespace slip {
namespace {

ActivationBits activation_bits(std::string_view name) {
  if (name == "8") return ActivationBits::k8;
  return name == "mixed" ? ActivationBits::kMixed : ActivationBits::k16;
}

KvType kv_type(const std::string& name) {
  if (name == "f16") return KvType::kF16;
  if (name == "bf16") return KvType::kBF16;
  if (name == "f32") return KvType::kF32;
  if (name == "q8_0") return KvType::kQ8_0;
  if (name == "q4_0") return KvType::kQ4_0;
  return KvType::kI16;
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

// llama.cpp's options that scripts give and that would change no answer here: there is one set of
// threads and one batch size, no GPU, no warm-up and no log but standard error; chat templates are
// Jinja, files are mapped, nothing is downloaded and prompts aren't echoed.
void ignore_foreign(Arguments& args) {
  for (const char* names : {"-tb,--threads-batch", "-ub,--ubatch-size",
                            "-ngl,--gpu-layers,--n-gpu-layers", "-dev,--device", "-sm,--split-mode",
                            "-mg,--main-gpu", "--numa", "--poll", "--prio", "-C,--cpu-mask"}) {
    args.ignore(names);
  }
  args.ignore("-fa,--flash-attn", {"on", "off", "auto", "1", "0"});
  for (const char* names :
       {"--jinja", "--offline", "--mlock", "--no-mmap", "--warmup", "--no-warmup",
        "-nkvo,--no-kv-offload", "--no-display-prompt", "-co,--color", "--simple-io",
        "--log-disable", "-cnv,--conversation", "-st,--single-turn", "--no-escape"}) {
    args.ignore_flag(names);
  }
}

// How many threads other programs were told to use (OpenMP 5.2, 21.1.2: "4" or "4,2"); 0 when none.
int omp_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr) return 0;
  int n = 0;
  const auto parsed = std::from_chars(text, text + std::strcspn(text, ","), n);
  return parsed.ec == std::errc() && n > 0 ? n : 0;
}

}  // namespace

void declare_model(Arguments& args, std::string& path, const std::string* unless) {
  args.section("Model");
  args.add_path(
      "-m,-hf,--hf-repo,--model", path,
      "GGUF file, folder with config.json and safetensors, or ORG/REPO[:QUANT] in a cache");
  args.add_positional("model", path, "");
  args.require([&path, unless]() -> Result<> {
    if (unless != nullptr && !unless->empty()) return {};
    if (path.empty()) return invalid("no model given: expected -m FILE");
    path = find_model(path);
    return {};
  });
}

void ModelOptions::declare(Arguments& args) {
  declare_without_context(args);
  args.add("-c,--ctx-size", n_ctx, "context in tokens (0: what the model was trained for)",
           kNotNegative);
}

void ModelOptions::declare_without_context(Arguments& args) {
  declare_common(args);
  args.ignore("-np,--parallel");
  args.ignore("-a,--alias");
  args.ignore("--log-file");
}

void ModelOptions::declare_for_serving(Arguments& args) {
  declare_common(args);
}

void ModelOptions::declare_common(Arguments& args) {
  declare_model(args, path, unless);
  args.add("-t,--threads", n_threads,
           "threads (0: $OMP_NUM_THREADS, else the cores this process may use)",
           {.min = 0, .max = 4096});
  args.add("-b,--batch-size", batch_size, "tokens that a prefill takes at a time",
           {.min = 1, .max = 65536});
  const std::vector<std::string> types{"i16", "f16", "bf16", "f32", "q8_0", "q4_0"};
  args.add_choice("-ctk,--cache-type-k", cache_type_k, types, "type of the KV cache's keys");
  args.add_choice("-ctv,--cache-type-v", cache_type_v, types, "type of its values: as the keys'");
  args.add_choice(
      "--activations", activations, {"16", "mixed", "8"},
      "bits of the activations that meet quantised weights; BF16 weights meet BF16 but with 16");
  args.add_flag("--exact", exact, "F32 activations, KV cache and accumulation: the yardstick");
  args.require([this, &args]() -> Result<> {
    for (const char* name : {"-ctk", "-ctv", "--activations"}) {
      if (exact && args.is_given(name)) {
        return invalid("{}: expected it only without --exact, which has F32 throughout", name);
      }
    }
    return {};
  });
  args.add_flag("--no-pack-cache", no_pack_cache,
                "pack weights in memory; use and write no file of the cache");
  ignore_foreign(args);
}

void ModelOptions::declare_quality(Arguments& args) {
  args.section("Quality");
  args.add("--require-quality", require_quality,
           "refuse a file that isn't certified (eval --certify) with kl<=X, or has other weights");
  args.require([this, &args]() -> Result<> {
    if (require_quality.empty() && !args.is_given("--require-quality")) return {};
    if (const auto parsed = parse_quality(require_quality); !parsed) {
      return invalid("--require-quality: {}", parsed.error().message);
    }
    return {};
  });
}

Result<> ModelOptions::check_quality() const {
  if (require_quality.empty()) return {};
  return slip::require_quality(path, SLIP_TRY(parse_quality(require_quality)));
}

Result<std::unique_ptr<Runtime>> ModelOptions::make_runtime() const {
  auto runtime =
      SLIP_TRY(Runtime::create({.n_threads = n_threads > 0 ? n_threads : omp_threads()}));
  if (const std::string warning = kernels_warning(); !warning.empty()) print_warning(warning);
  return runtime;
}

Result<LoadOptions> ModelOptions::load_options() const {
  LoadOptions options{.n_ctx = n_ctx,
                      .max_rows = batch_size,
                      .k_type = kv_type(cache_type_k),
                      .v_type = kv_type(cache_type_v.empty() ? cache_type_k : cache_type_v),
                      .arithmetic = exact ? Arithmetic::kExact : Arithmetic::kFast,
                      .activations = activation_bits(activations)};
  options.packed.on_warning = print_note;
  if (no_pack_cache) return options;
  auto cache = PackCache::from_environment();
  if (cache) {
    options.packed.cache = std::move(*cache);
  } else if (cache.error().kind != ErrorKind::kNotFound) {
    return tl::unexpected(std::move(cache).error());
  } else if (!exact) {
    print_note(fmt::format("packed weights are kept in memory: {}", cache.error().message));
  }
  return options;
}

Result<std::unique_ptr<LoadedModel>> load_model(const std::string& path, Runtime& runtime,
                                                LoadOptions options) {
  std::optional<Progress> progress;
  options.packed.on_progress = [&progress](std::int64_t done, std::int64_t total) {
    if (!progress) progress.emplace("packing weights", total);
    progress->update(done);
  };
  auto model = SLIP_TRY(LoadedModel::load(path, runtime, options));
  note_long_context(model->session().n_ctx(), model->config());
  return model;
}

void note_long_context(std::int64_t n_ctx, const ModelConfig& config) {
  if (config.context_length == 0 || n_ctx <= config.context_length) return;
  print_note(fmt::format("context {} exceeds the {} that the model was trained for", n_ctx,
                         config.context_length));
}

void SamplingOptions::declare(Arguments& args) {
  args.section("Sampling");
  args.add("--temperature,--temp", temperature, "temperature; 0 takes the likeliest token",
           {.min = 0, .max = 100});
  args.add("--top-k", top_k, "keep the k likeliest tokens; 0 = all", kNotNegative);
  constexpr Bounds kShare{.min = 0, .max = 1};
  args.add("--top-p", top_p, "keep the smallest set of tokens with this probability", kShare);
  args.add("--min-p", min_p, "keep tokens this likely relative to the likeliest", kShare);
  args.add("--typical", typical_p, "keep the locally typical tokens with this probability", kShare);
  args.add("--repeat-penalty", repeat_penalty, "penalty on tokens that occurred; 1 = none",
           {.min = 0.01, .max = 100});
  args.add("--repeat-last-n", repeat_last_n, "tokens that penalties look back; -1 = all",
           {.min = -1});
  constexpr Bounds kPenalty{.min = -100, .max = 100};
  args.add("--presence-penalty", presence_penalty, "subtracted once from tokens that occurred",
           kPenalty);
  args.add("--frequency-penalty", frequency_penalty, "subtracted per occurrence", kPenalty);
  args.add("-l,--logit-bias", logit_bias, "ID+BIAS or ID-BIAS, as 15043+1 or 29871-inf");
  args.add("-s,--seed", seed, "seed of the draws; negative = from the clock");
  args.require([this]() -> Result<> {
    for (const std::string& text : logit_bias) SLIP_TRY(parse_bias(text));
    return {};
  });
}

Result<> SamplingOptions::check_tokens(std::int64_t n_vocab) const {
  for (const std::string& text : logit_bias) {
    const auto [id, bias] = SLIP_TRY(parse_bias(text));
    if (id >= n_vocab) {
      return invalid("--logit-bias: expected a token below {}, got '{}'", n_vocab, text);
    }
  }
  return {};
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
  args.add_path("-md,--model-draft,--spec-draft-model", draft_model,
                "a smaller model with the same vocabulary that guesses ahead, where it pays");
  args.add_choice("--spec-type", spec_type, {"ngram", "draft", "none"},
                  "guess what the text repeats (and what -md says), only the latter, nothing");
  args.add("--draft-max,--spec-draft-n-max", spec_draft_n_max, "tokens to guess ahead at most",
           {.min = 0, .max = kMostDrafted});
  args.require([this]() -> Result<> {
    if (!draft_model.empty()) draft_model = find_model(draft_model);
    if (spec_type != "draft" || !draft_model.empty()) return {};
    return invalid("--spec-type draft: expected a model too, -md FILE");
  });
}

Result<std::string> AnswerOptions::template_override() const {
  if (chat_template_file.empty()) return chat_template;
  return read_input(chat_template_file);
}

Result<Speculation> make_speculation(const AnswerOptions& answer, LoadedModel& model,
                                     LoadOptions options) {
  Speculation made;
  if (answer.spec_type == "none" || answer.spec_draft_n_max == 0) return made;
  if (!answer.draft_model.empty()) {
    options.n_ctx = model.session().n_ctx();
    made.draft_model = SLIP_TRY(load_model(answer.draft_model, model.runtime(), options));
    const auto fits = check_draft_vocabulary(*model.tokenizer(), *made.draft_model->tokenizer());
    if (!fits) return invalid("{}: {}", answer.draft_model, fits.error().message);
  }
  made.speculator = std::make_unique<Speculator>(
      Speculator::Options{.most = answer.spec_draft_n_max,
                          .looks_up = answer.spec_type == "ngram",
                          .model = made.draft_model ? &made.draft_model->session() : nullptr,
                          .n_vocab = model.session().n_vocab()});
  return made;
}

}  // namespace slip
