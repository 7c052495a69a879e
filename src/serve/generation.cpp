#include "serve/generation.h"

#include "base/hash.h"
#include "engine/grammar_constraint.h"

namespace slip {
namespace {

// Null for plain text. One choice's own.
Reply<std::shared_ptr<TokenConstraint>> constraint_of(const ServedModel& model,
                                                      const ResponseFormat& format) {
  using Kind = ResponseFormat::Kind;
  if (format.kind == Kind::kText) return nullptr;
  const bool is_gbnf = format.kind == Kind::kGrammar;
  GrammarSource source{.kind = GrammarSource::Kind::kJsonObject, .text = format.source};
  if (is_gbnf) source.kind = GrammarSource::Kind::kGbnf;
  if (format.kind == Kind::kJsonSchema) source.kind = GrammarSource::Kind::kJsonSchema;
  return std::shared_ptr<TokenConstraint>(SLIP_TRY(
      to_reply(model.grammars->constrain(source), is_gbnf ? "grammar" : "response_format")));
}

Reply<Request> make_request(const ServedModel& model, const Generation& generation,
                            std::size_t choice) {
  const GenerationOptions& options = generation.options;
  const auto n_each = static_cast<std::size_t>(options.n);
  Request request;
  request.prompt = generation.prompts[choice / n_each];
  const std::int64_t room = model.n_ctx - std::ssize(request.prompt);
  request.max_tokens = options.max_tokens < 0 ? room : std::min(options.max_tokens, room);
  request.sampling = options.sampling;
  // Choices of the same prompt differ; the first is what it would be alone.
  request.sampling.seed += choice % n_each;
  request.constraint = SLIP_TRY(constraint_of(model, options.format));
  // What a grammar describes has an end.
  if (!options.ignore_eos || request.constraint != nullptr)
    request.stop_tokens = model.tokenizer->end_of_generation_ids();
  request.n_logprobs = options.n_logprobs;
  request.priority = options.priority;
  request.prompt_logprobs = generation.echo && options.n_logprobs >= 0;
  return request;
}

}  // namespace

std::uint64_t client_id(std::string_view authorization, std::string_view peer) {
  const std::string_view who =
      authorization.empty() ? peer.substr(0, peer.rfind(':')) : authorization;
  return content_hash(std::as_bytes(std::span(who)));
}

std::uint64_t client_id(const HttpRequest& request) {
  return client_id(request.authorization(), request.peer);
}

Reply<> EngineWork::add(const Generation& generation) {
  const GenerationOptions& options = generation.options;
  const std::size_t n_choices = generation.prompts.size() * static_cast<std::size_t>(options.n);
  for (std::size_t choice = 0; choice < n_choices; ++choice) {
    Request request = SLIP_TRY(make_request(*model_, generation, choice));
    ChoiceOptions choice_options{.stop = options.stop,
                                 .stop_tokens = request.stop_tokens,
                                 .shown = generation.shown,
                                 .with_logprobs = options.n_logprobs >= 0};
    if (generation.echo) choice_options.echo = request.prompt;
    add(std::move(request), std::move(choice_options));
  }
  return {};
}

void EngineWork::add(Request request, ChoiceOptions choice) {
  choice.choice = requests_.size();
  choice.received_ns = answer_->group().received_ns;
  choice.metrics = answer_->group().metrics;
  request.client = options_.client;
  request.name = options_.name;
  request.deadline_ns = options_.deadline_ns;
  request.sink = std::make_shared<ChoiceSink>(*model_->tokenizer, std::move(choice), answer_);
  requests_.push_back(std::move(request));
}

std::function<void()> EngineWork::submit() {
  if (std::ssize(requests_) > model_->engine->max_waiting()) {
    answer_->abandon({.status = 400,
                      .message = fmt::format("expected at most {} choices of all prompts, as many "
                                             "as may wait (--queue), got {}",
                                             model_->engine->max_waiting(), requests_.size())});
    return [] {};
  }
  std::vector<RequestId> ids;
  ids.reserve(requests_.size());
  const auto cancel_all = [](const ServedModel& model, const std::vector<RequestId>& submitted) {
    for (const RequestId id : submitted) model.engine->cancel(id);
  };
  for (Request& request : requests_) {
    const auto id = model_->submit(std::move(request));
    if (!id) {
      answer_->abandon(id.error());
      cancel_all(*model_, ids);
      return [] {};
    }
    ids.push_back(*id);
  }
  requests_.clear();
  answer_->begin();
  return [weak = std::weak_ptr(model_), ids = std::move(ids), cancel_all] {
    if (const auto model = weak.lock()) cancel_all(*model, ids);
  };
}

}  // namespace slip
