#include "measure/eval/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "engine/generator.h"
#include "formats/json.h"
#include "measure/evaluation.h"

namespace slip {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr EncodeOptions kAsText{.add_special = true, .parse_special = false};

Result<ChoiceTask> read_choice(const JsonView& view, const std::string& place) {
  ChoiceTask task;
  task.context = SLIP_TRY(view.string("context"));
  task.choices = SLIP_TRY(view.strings("choices"));
  const std::int64_t answer = SLIP_TRY(view.integer("answer"));
  if (task.choices.size() < 2) return invalid("{}: expected at least two choices", place);
  if (answer < 0 || answer >= std::ssize(task.choices)) {
    return invalid("{}: key answer: expected one of {} choices, counted from 0, got {}", place,
                   task.choices.size(), answer);
  }
  task.answer = static_cast<std::size_t>(answer);
  return task;
}

Result<GenerationTask> read_generation(const JsonView& view, const std::string& place) {
  GenerationTask task;
  task.prompt = SLIP_TRY(view.string("prompt"));
  const boost::json::value* answer = view.find("answer");
  if (answer != nullptr && answer->is_array()) {
    task.answers = SLIP_TRY(view.strings("answer"));
  } else {
    task.answers.push_back(SLIP_TRY(view.string("answer")));
  }
  if (task.answers.empty()) return invalid("{}: key answer: expected at least one", place);
  task.max_tokens = SLIP_TRY(view.integer_or("max_tokens", task.max_tokens));
  if (task.max_tokens < 1) {
    return invalid("{}: key max_tokens: expected at least 1, got {}", place, task.max_tokens);
  }
  if (view.contains("stop")) task.stop = SLIP_TRY(view.strings("stop"));
  return task;
}

Result<> read_line(std::string_view line, const std::string& place, Tasks& tasks) {
  const boost::json::value value = SLIP_TRY(parse_json(line, place));
  if (!value.is_object()) {
    return invalid("{}: expected an object, got {}", place, json_kind(value));
  }
  const JsonView view(value.get_object(), place);
  if (view.contains("choices")) {
    tasks.choices.push_back(SLIP_TRY(read_choice(view, place)));
  } else {
    tasks.generations.push_back(SLIP_TRY(read_generation(view, place)));
  }
  return {};
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

class TaskRunner {
 public:
  TaskRunner(Session& session, const Tokenizer& tokenizer, const std::atomic<bool>* cancel)
      : session_(session), tokenizer_(tokenizer), cancel_(cancel) {}

  Result<> add(const ChoiceTask& task, TaskResult& result) {
    std::size_t best = 0, best_normalised = 0;
    std::vector<double> sums, means;
    for (const std::string& choice : task.choices) {
      sums.push_back(SLIP_TRY(log_p(task.context, choice)));
      means.push_back(sums.back() / static_cast<double>(std::max<std::size_t>(1, choice.size())));
      if (sums.back() > sums[best]) best = sums.size() - 1;
      if (means.back() > means[best_normalised]) best_normalised = means.size() - 1;
    }
    result.choice.add(best == task.answer);
    result.choice_normalised.add(best_normalised == task.answer);
    return {};
  }

  Result<> add(const GenerationTask& task, TaskResult& result) {
    GenerateRequest request{.prompt = encode(task.prompt),
                            .max_tokens = task.max_tokens,
                            .sampling = {},
                            .stop = task.stop,
                            .on_text = {},
                            .cancel = cancel_};
    const GenerateResult made = SLIP_TRY(generate(session_, tokenizer_, request));
    SLIP_TRY(check_cancel());
    const auto is_it = [&](const std::string& answer) {
      return trimmed(made.text) == trimmed(answer);
    };
    result.exact_match.add(std::any_of(task.answers.begin(), task.answers.end(), is_it));
    return {};
  }

 private:
  Result<> check_cancel() const {
    if (cancel_ == nullptr || !cancel_->load(std::memory_order_relaxed)) return {};
    return fail(ErrorKind::kCancelled, "the tasks were cancelled");
  }

  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> tokens = tokenizer_.encode(text, kAsText);
    // What ends a text isn't followed by anything.
    const bool has_end = tokenizer_.adds_eos() && !tokens.empty();
    if (has_end && tokens.back() == tokenizer_.eos_id()) tokens.pop_back();
    return tokens;
  }

  // Of the choice behind the context.
  Result<double> log_p(const std::string& context, const std::string& choice) {
    const auto end = context.find_last_not_of(' ');
    const std::size_t n_bytes = end == std::string::npos ? 0 : end + 1;
    const auto all = encode(context + choice);
    const std::size_t begin = encode(std::string_view(context).substr(0, n_bytes)).size();
    if (begin == 0 || begin >= all.size()) {
      return invalid("tasks: expected a context and a choice of at least one token each, got '{}'",
                     choice);
    }
    const std::span<const std::int32_t> tokens(all);
    const auto first = SLIP_TRY(session_.prefill(tokens.first(begin), cancel_));
    double sum = -score_position(first, {}, tokens[begin]).nll;
    const auto most = static_cast<std::size_t>(session_.max_rows());
    for (std::size_t at = begin; at + 1 < tokens.size(); at += most) {
      const std::size_t n = std::min(most, tokens.size() - 1 - at);
      const auto logits = SLIP_TRY(session_.extend(tokens.subspan(at, n)));
      const std::size_t n_vocab = logits.size() / n;
      for (std::size_t i = 0; i < n; ++i) {
        sum -= score_position(logits.subspan(i * n_vocab, n_vocab), {}, tokens[at + i + 1]).nll;
      }
    }
    return sum;
  }

  Session& session_;
  const Tokenizer& tokenizer_;
  const std::atomic<bool>* cancel_;
};

}  // namespace

Result<Tasks> read_tasks(const std::filesystem::path& path) {
  const std::string content = SLIP_TRY(read_text(path));
  Tasks tasks;
  std::string_view rest = content;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (trimmed(text).empty()) continue;
    SLIP_TRY(read_line(text, fmt::format("{}:{}", path.filename().string(), line), tasks));
  }
  if (tasks.size() == 0) return invalid("{}: expected lines of JSON, got none", path.string());
  return tasks;
}

double Accuracy::standard_error() const {
  return n == 0 ? 0 : std::sqrt(share() * (1 - share()) / static_cast<double>(n));
}

Result<TaskResult> run_tasks(Session& session, const Tokenizer& tokenizer, const Tasks& tasks,
                             const TaskOptions& options) {
  TaskRunner runner(session, tokenizer, options.cancel);
  TaskResult result;
  std::int64_t done = 0;
  const auto tell = [&] {
    if (options.on_task) options.on_task(++done, tasks.size());
  };
  for (const ChoiceTask& task : tasks.choices) {
    SLIP_TRY(runner.add(task, result));
    tell();
  }
  for (const GenerationTask& task : tasks.generations) {
    SLIP_TRY(runner.add(task, result));
    tell();
  }
  return result;
}

}  // namespace slip
