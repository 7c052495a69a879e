#include "prepare/preprocess.h"

#include <fmt/format.h>

#include "base/os/clock.h"
#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/open_tokenizer.h"
#include "cli/options.h"
#include "model/runtime.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> files;
  std::string folder;
  std::string documents = "paragraphs";
  std::string ill_formed = "replace";
  std::string duplicates = "near";
  std::int64_t min_chars = 1;
  std::int64_t shard_tokens = PreprocessOptions().shard_tokens;
  int n_threads = 0;
  bool force = false;
  bool json = false;
};

DocumentUnit unit_of(const std::string& name) {
  if (name == "files") return DocumentUnit::kFiles;
  return name == "lines" ? DocumentUnit::kLines : DocumentUnit::kParagraphs;
}

Duplicates duplicates_of(const std::string& name) {
  if (name == "keep") return Duplicates::kKeep;
  return name == "exact" ? Duplicates::kDropExact : Duplicates::kDropNear;
}

double bytes_per_token(const CorpusCounts& counts) {
  return static_cast<double>(counts.bytes_kept) / static_cast<double>(counts.n_tokens);
}

std::string as_json(const Options& o, const PreprocessReport& report, double seconds) {
  JsonWriter json;
  json.begin_object().key("folder").string(o.folder).key("shards").integer(report.n_shards);
  json.key("token_bytes").integer(report.token_bytes);
  json.key("bytes_per_token").fixed(bytes_per_token(report.counts), 4);
  json.key("resumed").boolean(report.was_resumed).key("statistics");
  write_counts(json, report.counts);
  return json.key("seconds").fixed(seconds, 3).end_object().take();
}

std::string as_text(const PreprocessReport& report, double seconds) {
  const CorpusCounts& c = report.counts;
  std::string text = fmt::format("documents  {} read, {} kept\n", c.n_read, c.n_kept);
  text += fmt::format(
      "dropped    {} duplicates, {} near duplicates, {} too short, {} malformed, {} not UTF-8\n",
      c.n_duplicates, c.n_near_duplicates, c.n_short, c.n_malformed, c.n_ill_formed);
  if (c.n_repaired > 0) text += fmt::format("repaired   {} not UTF-8\n", c.n_repaired);
  text +=
      fmt::format("bytes      {:.1f} MB read, {:.1f} MB kept\n",
                  static_cast<double>(c.bytes_read) / 1e6, static_cast<double>(c.bytes_kept) / 1e6);
  text += fmt::format("tokens     {} ({:.3f} bytes a token), {} shards of {} bytes a token\n",
                      c.n_tokens, bytes_per_token(c), report.n_shards, report.token_bytes);
  return text + fmt::format("time       {:.2f} s, {:.1f} MB/s{}\n", seconds,
                            static_cast<double>(c.bytes_read) / 1e6 / seconds,
                            report.was_resumed ? " (went on from a journal)" : "");
}

Result<int> run(const Options& o) {
  const auto tokenizer = SLIP_TRY(open_tokenizer(o.model));
  const auto runtime = SLIP_TRY(Runtime::create({.n_threads = o.n_threads}));
  Progress progress("preprocess", 100);
  const InterruptGuard guard;
  PreprocessOptions options{
      .files = {o.files.begin(), o.files.end()},
      .folder = o.folder,
      .unit = unit_of(o.documents),
      .cleaning = {.ill_formed = o.ill_formed == "drop" ? IllFormed::kDrop : IllFormed::kReplace,
                   .min_chars = o.min_chars},
      .duplicates = duplicates_of(o.duplicates),
      .shard_tokens = o.shard_tokens,
      .begin_anew = o.force,
      .on_progress =
          [&progress](std::int64_t done, std::int64_t total) {
            progress.update(total == 0 ? 100 : 100 * done / total);
          },
      .cancel = &InterruptGuard::flag()};
  const std::int64_t start_ns = now_ns();
  auto result = preprocess(options, *tokenizer, runtime->pool());
  progress.erase();
  if (InterruptGuard::raised() && !result) return kExitInterrupted;
  const PreprocessReport report = SLIP_TRY(std::move(result));
  const double seconds = static_cast<double>(now_ns() - start_ns) / 1e9;
  Output out;
  out.write(o.json ? as_json(o, report, seconds) : as_text(report, seconds));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  declare_model(args, o->model);
  args.section("Corpus");
  args.add("-f,--file", o->files,
           "a text file, or JSON lines when its name ends in .jsonl; "
           "repeatable");
  args.add_path("-o,--out", o->folder, "the folder to write");
  args.add("--shard-tokens", o->shard_tokens, "tokens in each shard but the last",
           {.min = 1, .max = 1 << 30});
  args.section("Documents");
  args.add_choice("--documents", o->documents, {"paragraphs", "lines", "files"},
                  "what a document is in a text file; blank lines end a paragraph");
  args.add_choice("--ill-formed", o->ill_formed, {"replace", "drop"},
                  "what to do with bytes that aren't UTF-8: U+FFFD for each, or no document");
  args.add("--min-chars", o->min_chars, "drop documents with fewer characters", kNotNegative);
  args.add_choice("--duplicates", o->duplicates, {"keep", "exact", "near"},
                  "which to drop: none, equal ones, or nearly equal ones as well");
  args.section("Run");
  args.add("-t,--threads", o->n_threads, "0: one a core that this process may use",
           {.min = 0, .max = 1024});
  args.add_flag("--force", o->force, "begin anew if the folder has a corpus or a part of one");
  args.section("Output");
  args.add_flag("--json", o->json, "print JSON");
  args.require([o = o.get()]() -> Result<> {
    if (o->files.empty()) return invalid("no text given: expected -f FILE");
    if (o->folder.empty()) return invalid("no folder to write given: expected -o FOLDER");
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_preprocess() {
  static const Command command{.name = "preprocess",
                               .summary = "texts to a corpus of tokens, without duplicates",
                               .group = "Prepare",
                               .setup = setup};
  return command;
}

}  // namespace slip
