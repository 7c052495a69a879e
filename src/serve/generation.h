// From what a request wants to what the engine is asked for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/request.h"
#include "serve/answer_group.h"
#include "serve/generation_options.h"
#include "serve/served_model.h"

namespace slip {

// Between whom the engine is fair: those with the same API key, else the same address.
// `authorization` is the header's value, empty without; `peer` is "127.0.0.1:41234".
std::uint64_t client_id(std::string_view authorization, std::string_view peer);
std::uint64_t client_id(const HttpRequest& request);

// Prompts that share their options: options.n choices of each.
struct Generation {
  std::vector<std::vector<std::int32_t>> prompts = {};  // tokens
  GenerationOptions options = {};
  bool echo = false;                     // the prompt begins the answer
  std::vector<std::int32_t> shown = {};  // control tokens that are part of the text
};

struct EngineWorkOptions {
  std::uint64_t client = 0;      // see client_id
  std::string name = {};         // in traces
  std::int64_t deadline_ns = 0;  // by base/os/clock.h; 0: none
};

// What the engine is to do for one answer: its choices in order of their index. For one thread.
class EngineWork {
 public:
  EngineWork(std::shared_ptr<const ServedModel> model, std::shared_ptr<AnswerGroup> answer,
             EngineWorkOptions options)
      : model_(std::move(model)), answer_(std::move(answer)), options_(std::move(options)) {}

  // 400 for a grammar that is none.
  Reply<> add(const Generation& generation);
  // The next choice; index, times and counting are filled in.
  void add(Request request, ChoiceOptions choice);

  // Submits all of them or none; what the answer hears of comes on the engine's thread. The result
  // cancels them, from any thread, and keeps nothing alive.
  std::function<void()> submit();

 private:
  std::shared_ptr<const ServedModel> model_;
  std::shared_ptr<AnswerGroup> answer_;
  const EngineWorkOptions options_;
  std::vector<Request> requests_;
};

}  // namespace slip
