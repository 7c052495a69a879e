#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/os/clock.h"
#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/conversation.h"
#include "cli/line_reader.h"
#include "cli/options.h"
#include "cli/summary.h"
#include "text/chat_template.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  SamplingOptions sampling;
  AnswerOptions answer;
  bool verbose = false;
};

constexpr std::string_view kHelp =
    "/help           this list\n"
    "/reset          forget the conversation (the system message stays)\n"
    "/system TEXT    set the system message and begin anew; without TEXT: show it\n"
    "/save FILE      write the conversation to a file\n"
    "/load FILE      go on with a conversation from a file\n"
    "/stats          timings and tokens of the last answer, and of the context\n"
    "/exit           leave (Ctrl-D does too)\n"
    "A line that ends in \\ goes on in the next; \"\"\" begins and ends a message of many lines;\n"
    "lines that are pasted at once are one message.\n"
    "Ctrl-C stops the answer.";

class Chat {
 public:
  Chat(const Options& options, LoadedModel& model, Speculation speculation,
       std::string template_override)
      : options_(options),
        model_(model),
        speculation_(std::move(speculation)),
        template_(std::move(template_override)) {
    set_system(options.answer.system_prompt);
  }

  // False when the program should end.
  bool take(const std::string& line) {
    if (line.empty()) return true;
    if (line[0] != '/') return report(answer(line));
    const auto space = std::min(line.find(' '), line.size());
    const std::string name = line.substr(1, space - 1);
    const auto begin = std::min(line.find_first_not_of(' ', space), line.size());
    if (name == "exit" || name == "quit" || name == "bye") return false;
    return report(command(name, line.substr(begin)));
  }

  // Whether anything that was asked for went wrong.
  bool failed() const { return failed_; }
  // Whether what is answered still reaches anybody.
  bool is_open() const { return out_.is_open(); }

 private:
  Result<> command(const std::string& name, const std::string& argument);
  Result<> answer(const std::string& text);
  // False when the program should end.
  bool report(const Result<>& done) {
    if (!done) print_error(done.error().message);
    failed_ = failed_ || !done;
    return out_.is_open();
  }

  void set_system(const std::string& text) {
    messages_.clear();
    n_context_ = 0;
    if (!text.empty()) messages_.push_back({"system", text});
  }
  bool has_system() const { return !messages_.empty() && messages_[0].role == "system"; }
  void reset() {
    messages_.resize(has_system() ? 1 : 0);
    n_context_ = 0;
  }

  const Options& options_;
  LoadedModel& model_;
  Speculation speculation_;
  std::string template_;
  std::vector<Message> messages_;
  // Tokens of the conversation up to its last answer. The session may still hold an older one.
  std::size_t n_context_ = 0;
  std::string last_summary_;
  bool failed_ = false;
  Output out_;
};

Result<> Chat::command(const std::string& name, const std::string& argument) {
  if (name == "help") {
    print_status(kHelp);
  } else if (name == "reset") {
    reset();
    print_status("(conversation forgotten)");
  } else if (name == "system") {
    if (argument.empty()) {
      print_status(has_system() ? messages_[0].content : "(no system message)");
    } else {
      set_system(argument);
      print_status("(new conversation)");
    }
  } else if (name == "save" || name == "load") {
    if (argument.empty()) return invalid("/{}: expected a file name", name);
    if (name == "save") {
      SLIP_TRY(save_conversation(argument, options_.model.path, messages_));
      print_status(fmt::format("({} messages saved)", messages_.size()));
    } else {
      messages_ = SLIP_TRY(load_conversation(argument));
      n_context_ = 0;
      print_status(fmt::format("({} messages loaded)", messages_.size()));
    }
  } else if (name == "stats") {
    if (!last_summary_.empty()) print_status(last_summary_);
    print_status(fmt::format("context: {} of {} tokens, {} messages", n_context_,
                             model_.session().n_ctx(), messages_.size()));
  } else {
    return invalid("unknown command /{}; /help lists them", name);
  }
  return {};
}

Result<> Chat::answer(const std::string& text) {
  std::vector<Message> messages = messages_;
  messages.push_back({"user", text});
  const std::int64_t start = now_ns();
  std::vector<std::int32_t> prompt = SLIP_TRY(chat_prompt(model_, messages, template_));
  SamplingParams sampling = SLIP_TRY(options_.sampling.params(model_.source()));
  GenerateRequest request{.prompt = std::move(prompt),
                          .max_tokens = options_.answer.max_tokens,
                          .sampling = std::move(sampling),
                          .stop = options_.answer.stop,
                          .ignore_eos = options_.answer.ignore_eos,
                          .speculator = speculation_.speculator.get(),
                          .on_text =
                              [this](std::string_view piece) {
                                if (!out_.write(piece)) InterruptGuard::raise();  // nobody reads on
                              },
                          .cancel = &InterruptGuard::flag()};
  Progress progress("reading the prompt, token", static_cast<std::int64_t>(request.prompt.size()));
  request.on_prefill = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  const std::int64_t begin = now_ns();
  auto generated = generate(model_.session(), *model_.tokenizer(), request);
  InterruptGuard::take();
  progress.erase();
  const GenerateResult result = SLIP_TRY(std::move(generated));
  out_.write("\n");
  if (result.finish_reason == FinishReason::kCancelled && result.text.empty()) {
    print_status("(stopped before the answer began: the message is forgotten)");
    return out_.status();
  }
  if (result.context_full) print_note("the context is full: /reset begins anew");
  // An answer that was stopped stays in the conversation as far as it came.
  messages.push_back({"assistant", result.text});
  messages_ = std::move(messages);
  n_context_ = model_.session().tokens().size();
  AnswerTimes times;
  if (!result.tokens.empty()) times.ttft_ns = begin - start + result.timings.prefill_ns;
  last_summary_ = summary_line(model_, result.timings, times);
  if (options_.verbose) print_status(last_summary_);
  return out_.status();
}

Result<int> run(const Options& o) {
  std::string chat_template = SLIP_TRY(o.answer.template_override());
  SLIP_TRY(o.model.check_quality());
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  const LoadOptions load_options = SLIP_TRY(o.model.load_options());
  const auto model = SLIP_TRY(load_model(o.model.path, *runtime, load_options));
  if (const auto known = o.sampling.check_tokens(model->tokenizer()->n_vocab()); !known) {
    return usage_failure(known.error().message, "chat");
  }
  if (chat_template.empty()) chat_template = SLIP_TRY(model->source().chat_template());
  if (chat_template.empty()) {
    return fail(ErrorKind::kUnsupported,
                "{}: the model has no chat template; give one with --chat-template-file, or use "
                "'slipstream run --raw'",
                o.model.path);
  }
  SLIP_TRY(ChatTemplate::create(chat_template, "", ""));  // so that a broken one is told at once
  Speculation speculation = SLIP_TRY(make_speculation(o.answer, *model, load_options));
  Chat chat(o, *model, std::move(speculation), std::move(chat_template));
  LineReader reader(default_history_path());
  // Without a terminal Ctrl-C ends the program.
  std::optional<InterruptGuard> guard;
  if (reader.is_interactive()) {
    guard.emplace();
    print_status("/help lists commands, Ctrl-D ends");
  }
  while (const auto message = reader.read_message()) {
    if (!chat.take(*message)) break;
  }
  if (!chat.is_open()) return kExitFailure;
  if (!reader.is_interactive()) return chat.failed() ? kExitFailure : kExitOk;
  print_status("");
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->model.declare_quality(args);
  o->answer.declare(args);
  o->sampling.declare(args);
  args.section("Output");
  args.add_flag("-v,--verbose", o->verbose, "timings after each answer");
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_chat() {
  static const Command command{
      .name = "chat", .summary = "a conversation at the terminal", .group = "Use", .setup = setup};
  return command;
}

}  // namespace slip
