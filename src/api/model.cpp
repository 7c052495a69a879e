#include <exception>
#include <new>
#include <numeric>
#include <optional>
#include <utility>

#include "base/check.h"
#include "engine/chat_prompt.h"
#include "engine/grammar_constraint.h"
#include "engine/loaded_model.h"
#include "slipstream/slipstream.h"

namespace slipstream {
namespace {

ErrorKind to_public(slip::ErrorKind kind) {
  switch (kind) {
    case slip::ErrorKind::kInvalid:
      return ErrorKind::kInvalid;
    case slip::ErrorKind::kNotFound:
      return ErrorKind::kNotFound;
    case slip::ErrorKind::kUnsupported:
      return ErrorKind::kUnsupported;
    case slip::ErrorKind::kIo:
      return ErrorKind::kIo;
    case slip::ErrorKind::kLimit:
      return ErrorKind::kLimit;
    case slip::ErrorKind::kCancelled:
      return ErrorKind::kCancelled;
  }
  return ErrorKind::kInternal;
}

// Runs `body`, which returns slip::Result<T>, at the library's boundary: our own exceptions become
// errors there.
template <class T, class F>
Result<T> guarded(F&& body) {
  try {
    slip::Result<T> result = body();
    if (result) return Result<T>(std::move(*result));
    return Error{to_public(result.error().kind), std::move(result.error().message)};
  } catch (const std::bad_alloc&) {
    return Error{ErrorKind::kLimit, "out of memory"};
  } catch (const std::exception& error) {
    return Error{ErrorKind::kInternal, error.what()};
  }
}

FinishReason to_public(slip::FinishReason reason) {
  switch (reason) {
    case slip::FinishReason::kStop:
      return FinishReason::kStop;
    case slip::FinishReason::kLength:
      return FinishReason::kLength;
    case slip::FinishReason::kCancelled:
      return FinishReason::kCancelled;
    case slip::FinishReason::kDeadline:
    case slip::FinishReason::kError:
      break;  // generate() has no deadlines, and returns errors
  }
  return FinishReason::kLength;
}

std::vector<slip::Message> to_messages(const std::vector<Message>& messages) {
  std::vector<slip::Message> converted;
  converted.reserve(messages.size());
  for (const Message& message : messages) converted.push_back({message.role, message.content});
  return converted;
}

}  // namespace

struct Model::Impl {
  std::unique_ptr<slip::Runtime> runtime;
  std::unique_ptr<slip::LoadedModel> model;
  std::optional<slip::GrammarCache> grammars;
  // What a callback threw. It passes our own code as a cancelled request.
  std::exception_ptr thrown;

  slip::Result<Generation> generate(std::vector<std::int32_t> prompt,
                                    const GenerateOptions& options);
  // Null when the options ask for no form.
  slip::Result<std::unique_ptr<slip::TokenConstraint>> constraint(const GenerateOptions& options);
  slip::Result<std::vector<float>> embed(std::span<const std::int32_t> tokens);
  // The result at the library's boundary, where the callback's exception goes on to the caller.
  Result<Generation> delivered(Result<Generation> result) {
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
    return result;
  }
};

slip::Result<std::unique_ptr<slip::TokenConstraint>> Model::Impl::constraint(
    const GenerateOptions& options) {
  if (options.grammar.empty() && options.json_schema.empty()) return nullptr;
  if (!options.grammar.empty() && !options.json_schema.empty()) {
    return slip::invalid("generate options: expected a grammar or a JSON schema, got both");
  }
  using Kind = slip::GrammarSource::Kind;
  return options.grammar.empty()
             ? grammars->constrain({.kind = Kind::kJsonSchema, .text = options.json_schema})
             : grammars->constrain({.kind = Kind::kGbnf, .text = options.grammar});
}

slip::Result<Generation> Model::Impl::generate(std::vector<std::int32_t> prompt,
                                               const GenerateOptions& options) {
  std::atomic<bool> cancel{false};
  const auto form = SLIP_TRY(constraint(options));
  slip::GenerateRequest request{.prompt = std::move(prompt),
                                .max_tokens = options.max_tokens,
                                .sampling = {.temperature = options.temperature,
                                             .top_k = options.top_k,
                                             .top_p = options.top_p,
                                             .min_p = options.min_p,
                                             .repeat_penalty = options.repeat_penalty,
                                             .logit_bias = {},
                                             .seed = options.seed},
                                .stop = options.stop,
                                .ignore_eos = options.ignore_eos,
                                .constraint = form.get(),
                                .on_text = {},
                                .cancel = &cancel};
  if (options.on_text) {
    request.on_text = [&](std::string_view text) {
      if (cancel) return;
      try {
        if (!options.on_text(text)) cancel = true;
      } catch (...) {
        thrown = std::current_exception();
        cancel = true;
      }
    };
  }
  slip::GenerateResult result =
      SLIP_TRY(slip::generate(model->session(), *model->tokenizer(), request));
  const slip::GenerateTimings& timings = result.timings;
  return Generation{.text = std::move(result.text),
                    .tokens = std::move(result.tokens),
                    .finish_reason = to_public(result.finish_reason),
                    .n_prompt_tokens = timings.n_prompt,
                    .n_cached_tokens = timings.n_reused,
                    .prefill_seconds = static_cast<double>(timings.prefill_ns) * 1e-9,
                    .decode_tokens_per_second = timings.decode_tokens_per_s()};
}

slip::Result<std::vector<float>> Model::Impl::embed(std::span<const std::int32_t> tokens) {
  slip::ModelRunner& runner = model->runner();
  const auto n_tokens = static_cast<std::int64_t>(tokens.size());
  if (n_tokens == 0) return slip::invalid("text: expected at least one token");
  if (n_tokens > runner.n_ctx()) {
    return slip::fail(slip::ErrorKind::kLimit, "text: {} tokens don't fit the context of {}",
                      n_tokens, runner.n_ctx());
  }
  // The session's pages are about to be overwritten.
  model->session().truncate(0);
  std::vector<std::int32_t> pages(static_cast<std::size_t>(runner.kv().n_pages()));
  std::iota(pages.begin(), pages.end(), 0);
  const std::span<const std::int32_t> page_table[] = {pages};
  const auto width = static_cast<std::size_t>(runner.config().d_model);
  std::vector<double> sums(width);
  for (std::int64_t begin = 0; begin < n_tokens; begin += runner.max_rows()) {
    std::vector<slip::BatchRow> rows;
    for (std::int64_t i = begin; i < std::min(n_tokens, begin + runner.max_rows()); ++i) {
      rows.push_back({.token = tokens[static_cast<std::size_t>(i)],
                      .position = static_cast<std::int32_t>(i),
                      .sequence = 0,
                      .output = slip::RowOutput::kHidden});
    }
    const auto out = SLIP_TRY(runner.run({.rows = rows, .page_tables = page_table}));
    for (std::size_t i = 0; i < out.hidden.size(); ++i) {
      sums[i % width] += static_cast<double>(out.hidden[i]);
    }
  }
  std::vector<float> mean(width);
  for (std::size_t i = 0; i < width; ++i) {
    mean[i] = static_cast<float>(sums[i] / static_cast<double>(n_tokens));
  }
  return mean;
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Result<Model> Model::load(const std::string& path, const LoadOptions& options) {
  auto impl = guarded<std::unique_ptr<Impl>>([&]() -> slip::Result<std::unique_ptr<Impl>> {
    if (options.n_ctx < 0 || options.batch_size < 1) {
      return slip::invalid("load options: expected n_ctx ≥ 0 and batch_size ≥ 1, got {} and {}",
                           options.n_ctx, options.batch_size);
    }
    slip::PackedWeights::Options packed;
    if (options.pack_cache) {
      auto cache = slip::PackCache::from_environment();
      if (cache) packed.cache = std::move(*cache);
    }
    auto made = std::make_unique<Impl>();
    made->runtime = SLIP_TRY(slip::Runtime::create({.n_threads = options.n_threads}));
    made->model = SLIP_TRY(slip::LoadedModel::load(
        path, *made->runtime,
        {.n_ctx = options.n_ctx,
         .max_rows = options.batch_size,
         .arithmetic = options.exact ? slip::Arithmetic::kExact : slip::Arithmetic::kFast,
         .packed = std::move(packed)}));
    made->grammars.emplace(*made->model->tokenizer());
    return made;
  });
  if (!impl) return impl.error();
  return Model(std::move(*impl));
}

std::string Model::family() const {
  return impl_->model->config().family;
}
std::int64_t Model::n_ctx() const {
  return impl_->model->session().n_ctx();
}
std::int64_t Model::n_vocab() const {
  return impl_->model->config().n_vocab;
}
std::int64_t Model::n_embed() const {
  return impl_->model->config().d_model;
}

Result<std::vector<std::int32_t>> Model::tokenize(std::string_view text, Special special) const {
  return guarded<std::vector<std::int32_t>>([&]() -> slip::Result<std::vector<std::int32_t>> {
    const bool add = special == Special::kAdd;
    return impl_->model->tokenizer()->encode(text, {.add_special = add, .parse_special = add});
  });
}

Result<std::string> Model::detokenize(std::span<const std::int32_t> tokens) const {
  return guarded<std::string>([&]() -> slip::Result<std::string> {
    const slip::Tokenizer& tokenizer = *impl_->model->tokenizer();
    for (const std::int32_t token : tokens) {
      if (tokenizer.contains(token)) continue;
      return slip::invalid("token: expected 0 … {}, got {}", tokenizer.n_vocab() - 1, token);
    }
    return tokenizer.decode(tokens);
  });
}

Result<std::string> Model::apply_chat_template(const std::vector<Message>& messages) const {
  return guarded<std::string>(
      [&] { return slip::chat_text(*impl_->model, to_messages(messages), ""); });
}

Result<Generation> Model::generate(std::string_view prompt, const GenerateOptions& options) {
  return impl_->delivered(guarded<Generation>(
      [&] { return impl_->generate(impl_->model->tokenizer()->encode(prompt), options); }));
}

Result<Generation> Model::chat(const std::vector<Message>& messages,
                               const GenerateOptions& options) {
  return impl_->delivered(guarded<Generation>([&]() -> slip::Result<Generation> {
    auto prompt = SLIP_TRY(slip::chat_prompt(*impl_->model, to_messages(messages), ""));
    return impl_->generate(std::move(prompt), options);
  }));
}

Result<std::vector<float>> Model::embed(std::string_view text) {
  return guarded<std::vector<float>>(
      [&] { return impl_->embed(impl_->model->tokenizer()->encode(text)); });
}

std::string_view version() {
  return SLIP_VERSION;
}

}  // namespace slipstream
