#include "serve/openai/answers.h"

#include <atomic>
#include <utility>

#include "base/os/clock.h"
#include "base/rng.h"

namespace slip {
namespace {

AnswerGroupOptions group_of(Call& call, const AnswerOptions& options) {
  return {.n_choices = options.n_choices,
          .n_per_prompt = options.n_per_prompt,
          .received_ns = call.request().received_ns,
          .metrics = &call.metrics()};
}

}  // namespace

OpenAiAnswer::OpenAiAnswer(std::shared_ptr<Call> call, std::shared_ptr<const ServedModel> model,
                           AnswerOptions options)
    : AnswerGroup(group_of(*call, options)),
      call_(std::move(call)),
      model_(std::move(model)),
      options_(std::move(options)) {}

std::string OpenAiAnswer::new_call_id() {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  static const std::uint64_t seed = static_cast<std::uint64_t>(now_ns());
  static std::atomic<std::uint64_t> n_made{0};
  std::string id;
  for (std::uint64_t bits = random_bits(seed, n_made++); id.size() < 9; bits /= kLetters.size())
    id += kLetters[bits % kLetters.size()];
  return id;
}

Reply<> generate(const std::shared_ptr<Call>& call, const std::shared_ptr<const ServedModel>& model,
                 const Generation& generation, AnswerOptions answer_options) {
  const GenerationOptions& options = generation.options;
  answer_options.n_per_prompt = static_cast<std::size_t>(options.n);
  answer_options.n_choices = generation.prompts.size() * answer_options.n_per_prompt;
  if (answer_options.n_choices > kMaxPrompts) {
    return bad_field("n", "invalid_value", "expected at most {} choices of all prompts, got {}",
                     kMaxPrompts, answer_options.n_choices);
  }
  answer_options.with_logprobs = options.n_logprobs >= 0;
  answer_options.include_usage = options.include_usage;
  const auto answer = options.stream ? streamed_answer(call, model, std::move(answer_options))
                                     : collected_answer(call, model, std::move(answer_options));
  EngineWork work(model, answer,
                  {.client = client_id(call->request()), .name = call->request().id});
  SLIP_TRY(work.add(generation));
  call->writer().on_disconnect(work.submit());
  return {};
}

}  // namespace slip
