#include "serve/openai/generation.h"

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
  request.prompt_logprobs = generation.echo && options.n_logprobs >= 0;
  return request;
}

}  // namespace

std::uint64_t client_of(const HttpRequest& request) {
  std::string_view who = request.peer;
  who = who.substr(0, who.rfind(':'));
  if (const std::string* key = request.headers.find("Authorization")) who = *key;
  return content_hash(std::as_bytes(std::span(who)));
}

Reply<> generate(const std::shared_ptr<Call>& call, const std::shared_ptr<const ServedModel>& model,
                 Generation generation) {
  const GenerationOptions& options = generation.options;
  AnswerOptions& answer_options = generation.answer;
  answer_options.n_per_prompt = static_cast<std::size_t>(options.n);
  answer_options.n_choices = generation.prompts.size() * answer_options.n_per_prompt;
  if (answer_options.n_choices > kMaxPrompts) {
    return bad_field("n", "invalid_value", "expected at most {} choices of all prompts, got {}",
                     kMaxPrompts, answer_options.n_choices);
  }
  answer_options.with_logprobs = options.n_logprobs >= 0;
  answer_options.include_usage = options.include_usage;
  const auto answer = options.stream ? streamed_answer(call, model, answer_options)
                                     : collected_answer(call, model, answer_options);
  std::vector<Request> requests;
  requests.reserve(answer_options.n_choices);
  for (std::size_t choice = 0; choice < answer_options.n_choices; ++choice) {
    Request request = SLIP_TRY(make_request(*model, generation, choice));
    ChoiceOptions choice_options{.choice = choice,
                                 .stop = options.stop,
                                 .stop_tokens = request.stop_tokens,
                                 .shown = generation.shown,
                                 .with_logprobs = answer_options.with_logprobs,
                                 .received_ns = call->request().received_ns,
                                 .metrics = &call->metrics()};
    if (generation.echo) choice_options.echo = request.prompt;
    request.sink =
        std::make_shared<ChoiceSink>(*model->tokenizer, std::move(choice_options), answer);
    requests.push_back(std::move(request));
  }
  submit_all(call, *model, *answer, std::move(requests));
  return {};
}

void submit_all(const std::shared_ptr<Call>& call, const ServedModel& model, OpenAiAnswer& answer,
                std::vector<Request> requests) {
  std::vector<RequestId> ids;
  ids.reserve(requests.size());
  const std::uint64_t client = client_of(call->request());
  for (Request& request : requests) {
    request.client = client;
    request.name = call->request().id;
    const auto id = model.submit(std::move(request));
    if (!id) {
      answer.abandon(id.error());
      for (const RequestId submitted : ids) model.engine->cancel(submitted);
      return;
    }
    ids.push_back(*id);
  }
  answer.begin();
  call->writer().on_disconnect([engine = model.engine, ids = std::move(ids)] {
    for (const RequestId id : ids) engine->cancel(id);
  });
}

}  // namespace slip
