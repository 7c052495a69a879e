#include "serve/kserve/inference_service.h"

#include <algorithm>
#include <exception>

#include "base/os/clock.h"
#include "serve/generation.h"
#include "serve/kserve/inference_answer.h"
#include "serve/kserve/text_inference.h"

namespace slip {
namespace {

InferenceStatistics::Duration duration(const InferenceTotals::Duration& sum) {
  return {.count = sum.n, .ns = sum.ns};
}

const char* state_name(ModelState state) {
  switch (state) {
    case ModelState::kReady:
      return "READY";
    case ModelState::kLoading:
      return "LOADING";
    case ModelState::kUnloading:
      return "UNLOADING";
    case ModelState::kUnloaded:
      return "UNAVAILABLE";
  }
  return "UNKNOWN";
}

Reply<> repository_reply(const Result<>& result) {
  if (result) return {};
  const bool is_for_now = result.error().kind == ErrorKind::kCancelled;
  return tl::unexpected(ApiError{.status = is_for_now ? 503 : 500,
                                 .message = result.error().message,
                                 .retry_after_s = is_for_now ? 1 : 0});
}

}  // namespace

Reply<> InferenceService::check(const ModelName& model) const {
  const auto& names = context_.repository().names();
  if (std::find(names.begin(), names.end(), model.name) == names.end()) {
    return tl::unexpected(
        ApiError{.status = 404,
                 .message = fmt::format("model: '{}' is not served here, '{}' is", model.name,
                                        names.empty() ? "" : names.front())});
  }
  if (model.version.empty() || model.version == kModelVersion) return {};
  return tl::unexpected(
      ApiError{.status = 404,
               .message = fmt::format("model '{}': version '{}' is not served here, '{}' is",
                                      model.name, model.version, kModelVersion)});
}

InferenceStatistics InferenceService::statistics(const std::string& name) const {
  const InferenceTotals totals = context_.metrics().inference_totals();
  InferenceStatistics statistics{.name = name,
                                 .last_inference_ms = totals.last_end_ms,
                                 .inference_count = totals.compute.n,
                                 .success = duration(totals.requests[0]),
                                 .fail = {},
                                 .queue = duration(totals.queue),
                                 .compute_infer = duration(totals.compute)};
  for (std::size_t i = 1; i < totals.requests.size(); ++i) {
    statistics.fail.count += totals.requests[i].n;
    statistics.fail.ns += totals.requests[i].ns;
  }
  statistics.execution_count =
      static_cast<std::uint64_t>(context_.repository().engine_stats().n_steps);
  return statistics;
}

std::vector<RepositoryEntry> InferenceService::repository() const {
  const ModelRepository& repository = context_.repository();
  std::vector<RepositoryEntry> entries;
  for (const std::string& name : repository.names()) {
    entries.push_back(
        {.name = name, .state = state_name(repository.state()), .reason = repository.reason()});
  }
  return entries;
}

void InferenceService::load(const std::string& name, std::function<void(Reply<>)> done) {
  if (const auto known = check({.name = name}); !known) return done(known);
  const auto taken = context_.repository().load(
      [done](const Result<>& result) { done(repository_reply(result)); });
  if (!taken) done(repository_reply(taken));
}

Reply<> InferenceService::unload(const std::string& name) {
  SLIP_TRY(check({.name = name}));
  return repository_reply(context_.repository().unload());
}

Reply<> InferenceService::infer_now(const std::shared_ptr<const ServedModel>& model,
                                    InferRequest request, const InferOrigin& origin,
                                    const std::shared_ptr<InferListener>& listener) {
  SLIP_TRY(check(request.model));
  const std::string name = is_sane_request_id(request.id) ? request.id : origin.name;
  TextInference wanted = SLIP_TRY(parse_text_inference(std::move(request), model->sampling));
  if (wanted.stream && !origin.takes_stream) {
    return bad_field("stream", "invalid_value",
                     "expected false: only generate_stream and ModelStreamInfer have streams");
  }
  std::vector<Generation> generations;
  for (std::size_t i = 0; i < wanted.texts.size(); ++i) {
    Generation generation;
    generation.prompts.push_back(SLIP_TRY(model->encode(wanted.texts[i], "text_input", 1)));
    generation.options = std::move(wanted.options[i]);
    generations.push_back(std::move(generation));
  }
  const auto n_each = static_cast<std::size_t>(generations.front().options.n);
  EngineWorkOptions options{
      .client = client_id(origin.authorization, origin.peer),
      .name = name,
      .deadline_ns = wanted.timeout_us > 0 ? origin.received_ns + wanted.timeout_us * 1000 : 0};
  const AnswerGroupOptions group{.n_choices = generations.size() * n_each,
                                 .n_per_prompt = n_each,
                                 .received_ns = origin.received_ns,
                                 .metrics = &context_.metrics()};
  EngineWork work(model, inference_answer(std::move(wanted), group, model, listener),
                  std::move(options));
  for (const Generation& generation : generations) SLIP_TRY(work.add(generation));
  listener->on_begin(work.submit());
  return {};
}

void InferenceService::refuse(const ApiError& error, const InferOrigin& origin,
                              InferListener& listener) {
  context_.metrics().count_request(outcome_of(error.status), now_ns() - origin.received_ns);
  listener.on_error(error);
}

void InferenceService::infer(Reply<InferRequest> request, InferOrigin origin,
                             std::shared_ptr<InferListener> listener) {
  const auto model = context_.ready_model();
  if (!model) return listener->on_error(model.error());
  if (!request) return refuse(request.error(), origin, *listener);
  // Shared, for a task can be copied, and the request may be large.
  const auto asked = std::make_shared<InferRequest>(std::move(*request));
  const auto work = [this, model = *model, listener, asked, origin] {
    try {
      const auto done = infer_now(model, std::move(*asked), origin, listener);
      if (!done) refuse(done.error(), origin, *listener);
    } catch (const std::exception& error) {
      refuse({.status = 500, .message = error.what()}, origin, *listener);
    }
  };
  if (context_.worker().post(work)) return;
  refuse({.status = 429, .message = "the queue is full", .retry_after_s = 1}, origin, *listener);
}

void InferenceService::record(const RpcRecord& rpc) {
  context_.metrics().count_response(rpc.method, rpc.status);
  if (rpc.status == 429) context_.metrics().count_rejection();
  if (rpc.logged == RpcRecord::Logged::kFailures && rpc.status < 400) return;
  const std::string client = context_.client_name(rpc.origin.authorization, rpc.origin.peer);
  context_.log(request_entry({.id = rpc.origin.name,
                              .peer = rpc.origin.peer,
                              .client = client,
                              .method = "gRPC",
                              .route = rpc.method,
                              .status = rpc.status,
                              .ms = static_cast<double>(now_ns() - rpc.origin.received_ns) * 1e-6,
                              .answer = rpc.answer},
                             rpc.message));
}

}  // namespace slip
