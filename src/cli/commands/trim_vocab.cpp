#include <fmt/format.h>

#include <algorithm>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/open_tokenizer.h"
#include "cli/text_tokens.h"
#include "prepare/trim_vocabulary.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  std::string source;
  std::string target;
  std::vector<std::string> files;
  bool force = false;
  bool json = false;
};

std::string as_json(const Options& o, const TrimReport& report) {
  JsonWriter json;
  json.begin_object().key("source").begin_object().key("file").string(o.source);
  json.key("file_bytes").unsigned_integer(report.bytes_before);
  json.key("n_tokens").integer(report.n_tokens_before).end_object();
  json.key("target").begin_object().key("file").string(o.target);
  json.key("file_bytes").unsigned_integer(report.bytes_after);
  json.key("n_tokens").integer(report.n_tokens_after).end_object();
  return json.key("n_tokens_used").integer(report.n_tokens_used).end_object().take();
}

std::string as_text(const Options& o, const TrimReport& report) {
  const auto line = [](const char* what, const std::string& path, std::uint64_t n_bytes,
                       std::int64_t n_tokens) {
    return fmt::format("{}  {:>10.1f} MB  {:>7} tokens  {}\n", what,
                       static_cast<double>(n_bytes) / 1e6, n_tokens, printable(path));
  };
  return line("from", o.source, report.bytes_before, report.n_tokens_before) +
         line("to  ", o.target, report.bytes_after, report.n_tokens_after) +
         fmt::format("the texts use {} tokens\n", report.n_tokens_used);
}

Result<int> run(const Options& o) {
  SLIP_TRY(check_output(o.target, o.files));
  const auto tokenizer = SLIP_TRY(open_tokenizer(o.source));
  std::vector<bool> used(static_cast<std::size_t>(tokenizer->n_vocab()));
  for (const std::string& file : o.files) {
    const TextInput input = SLIP_TRY(TextInput::open(file));
    for (const std::int32_t token : SLIP_TRY(input.tokens(*tokenizer))) {
      used[static_cast<std::size_t>(token)] = true;
    }
  }
  if (std::find(used.begin(), used.end(), true) == used.end()) {
    return invalid("{}: expected texts that say which tokens are used, got none", o.files.front());
  }
  const TrimReport report = SLIP_TRY(
      trim_vocabulary(o.source, o.target, used, o.force ? Existing::kReplace : Existing::kRefuse));
  Output out;
  out.write(o.json ? as_json(o, report) : as_text(o, report));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  args.add_positional("source", o->source, "the model: a GGUF file");
  args.add_positional("target", o->target, "the GGUF file to write");
  args.section("Text");
  args.add("-f,--file", o->files,
           "a text, or a corpus of `preprocess`, whose tokens stay; repeatable");
  args.section("Run");
  args.add_flag("--force", o->force, "replace the target if it exists");
  args.section("Output");
  args.add_flag("--json", o->json, "print JSON");
  args.require([o = o.get()]() -> Result<> {
    if (o->source.empty() || o->target.empty()) {
      return invalid("expected a model and the file to write, got {}",
                     o->source.empty() ? "neither" : "no file to write");
    }
    if (o->files.empty()) return invalid("no text given: expected -f FILE");
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_trim_vocab() {
  static const Command command{.name = "trim-vocab",
                               .summary = "a model without the tokens that texts don't use",
                               .group = "Compress",
                               .setup = setup};
  return command;
}

}  // namespace slip
