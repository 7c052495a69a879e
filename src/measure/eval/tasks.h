// Questions with answers: multiple choice by likelihood, generation by exact match.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/session.h"
#include "measure/eval/intervals.h"
#include "text/tokenizer.h"

namespace slip {

// A line {"context": …, "choices": […], "answer": index} of a JSONL file.
struct ChoiceTask {
  std::string context;
  std::vector<std::string> choices;  // what may follow the context, with the space before it
  std::size_t answer = 0;
};

// A line {"prompt": …, "answer": … or […][, "max_tokens": 64][, "stop": […]]}.
struct GenerationTask {
  std::string prompt;
  std::vector<std::string> answers;  // any of them is right
  std::int64_t max_tokens = 64;
  std::vector<std::string> stop;
};

struct Tasks {
  std::vector<ChoiceTask> choices;
  std::vector<GenerationTask> generations;

  std::int64_t size() const { return std::ssize(choices) + std::ssize(generations); }
};

// Errors: kNotFound, kIo, kInvalid naming the line.
Result<Tasks> read_tasks(const std::filesystem::path& path);

// A share of right answers.
struct Accuracy {
  std::int64_t n_right = 0;
  std::int64_t n = 0;

  void add(bool is_right) {
    n_right += is_right ? 1 : 0;
    ++n;
  }
  double share() const {
    return n == 0 ? 0 : static_cast<double>(n_right) / static_cast<double>(n);
  }
  // Of a binomial share: sqrt(p (1 - p) / n).
  double standard_error() const;
  Interval interval() const { return share_interval(n_right, n); }
};

struct TaskResult {
  Accuracy choice;             // the likeliest choice is the answer
  Accuracy choice_normalised;  // the likeliest by log p / bytes of the choice
  Accuracy exact_match;
};

struct TaskOptions {
  std::function<void(std::int64_t done, std::int64_t all)> on_task = {};
  const std::atomic<bool>* cancel = nullptr;
};

// Texts go in as they are, without a chat template; special tokens in them are text. A choice's
// log p is the sum over its tokens behind the context, whose last spaces count to the choice; of
// equal ones the first is chosen (lm-evaluation-harness: acc, and acc_norm but for bytes in place
// of characters). A generated answer is greedy, and right when it equals an answer, white space
// around both left out. Errors: kLimit when a text doesn't fit the context; kInvalid for a choice
// or prompt without tokens; kCancelled.
Result<TaskResult> run_tasks(Session& session, const Tokenizer& tokenizer, const Tasks& tasks,
                             const TaskOptions& options = {});

}  // namespace slip
