// Options that several commands share: each group is a value that declares itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "engine/loaded_model.h"

namespace slip {

// Which model, and how it runs.
struct ModelOptions {
  std::string path;
  std::int64_t n_ctx = 0;
  int n_threads = 0;
  std::int64_t batch_size = 512;
  std::string cache_type_k = "i16";
  std::string cache_type_v = {};  // empty: as the keys'
  std::string activations = "16";
  bool exact = false;
  bool no_pack_cache = false;
  std::string require_quality = {};     // "kl<=0.02"; empty: any
  const std::string* unless = nullptr;  // an option that, when it has a value, needs no model

  void declare(Arguments& args);
  // For commands that know how much context they need.
  void declare_without_context(Arguments& args);
  // For the server, which has a use for -np and --alias, and a context of its own kind.
  void declare_for_serving(Arguments& args);
  // "--require-quality", for commands that call check_quality() before they load.
  void declare_quality(Arguments& args);
  // Refuses a file whose record of its quality is missing or falls short (certificate.h).
  Result<> check_quality() const;
  // Warns on standard error when the kernels in use aren't those that the CPU should run.
  Result<std::unique_ptr<Runtime>> make_runtime() const;
  // kInvalid when the environment's settings of the pack cache make no sense.
  Result<LoadOptions> load_options() const;

 private:
  void declare_common(Arguments& args);
};

// The model alone, for commands that don't run it. Declares "-m,--model", and [model]. It must be
// given unless `unless` is a text that isn't empty.
void declare_model(Arguments& args, std::string& path, const std::string* unless = nullptr);

// Says so when the context is longer than what the model was trained for.
void note_long_context(std::int64_t n_ctx, const ModelConfig& config);

// Loads with a progress bar, and that note.
Result<std::unique_ptr<LoadedModel>> load_model(const std::string& path, Runtime& runtime,
                                                LoadOptions options);

// Sampling parameters; those left unset fall back to the model's own, then to llama.cpp's defaults.
struct SamplingOptions {
  std::optional<float> temperature, top_p, min_p, typical_p;
  std::optional<int> top_k;
  std::optional<float> repeat_penalty, presence_penalty, frequency_penalty;
  std::optional<int> repeat_last_n;
  std::vector<std::string> logit_bias;  // "TOKEN+1.5", "TOKEN-inf"
  std::optional<std::int64_t> seed;     // absent or negative: from the clock

  void declare(Arguments& args);
  // A usage error when the model has no such token.
  Result<> check_tokens(std::int64_t n_vocab) const;
  Result<SamplingParams> params(const ModelSource& source) const;
};

// How an answer begins and ends.
struct AnswerOptions {
  std::int64_t max_tokens = -1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  std::string system_prompt;
  std::string chat_template;       // Jinja source that replaces the model's
  std::string chat_template_file;  // or a file with it
  std::string draft_model;         // path
  std::string spec_type = "ngram";
  std::int64_t spec_draft_n_max = 8;

  void declare(Arguments& args);
  // The replacement, read from its file; empty when there is none.
  Result<std::string> template_override() const;
};

// What guesses ahead.
struct Speculation {
  std::unique_ptr<LoadedModel> draft_model;  // null: none
  std::unique_ptr<Speculator> speculator;    // null: nothing is guessed
};
// Loads the draft model with the context of `model`. Errors: what loading fails with, and a
// vocabulary other than the model's.
Result<Speculation> make_speculation(const AnswerOptions& answer, LoadedModel& model,
                                     LoadOptions options);

}  // namespace slip
