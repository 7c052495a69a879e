// From parsed requests to what the engine is asked for.
#pragma once

#include <memory>
#include <vector>

#include "serve/call.h"
#include "serve/openai/answers.h"
#include "serve/openai/requests.h"
#include "serve/served_model.h"

namespace slip {

// Work for the engine on behalf of one call: choices in order of their index.
struct Generation {
  std::vector<std::vector<std::int32_t>> prompts;  // tokens
  GenerationOptions options;
  bool echo = false;
  std::vector<std::int32_t> shown = {};  // control tokens that are part of the text
  AnswerOptions answer;
};

// The answer comes on the engine's thread. 400 for a grammar that is none.
Reply<> generate(const std::shared_ptr<Call>& call, const std::shared_ptr<const ServedModel>& model,
                 Generation generation);

// Submits one request for each choice of `answer`, which hears of failures, and cancels them when
// the client leaves.
void submit_all(const std::shared_ptr<Call>& call, const ServedModel& model, OpenAiAnswer& answer,
                std::vector<Request> requests);

// Between whom the engine is fair: those with the same API key, else the same address.
std::uint64_t client_of(const HttpRequest& request);

}  // namespace slip
