#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/os/atomic_file.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/options.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  std::vector<std::int64_t> tokens;
  std::string out;
  bool json = false;
};

// Some rows of logits at a time: one row is 1 MB with 256k tokens.
Result<> write_logits(ModelRunner& runner, std::span<const std::int64_t> tokens, AtomicFile& file) {
  std::vector<std::int32_t> pages(static_cast<std::size_t>(runner.kv().n_pages()));
  std::iota(pages.begin(), pages.end(), 0);
  const std::span<const std::int32_t> page_table[] = {pages};
  constexpr std::size_t kRows = 64;
  Progress progress("logits, token", static_cast<std::int64_t>(tokens.size()));
  const std::size_t step = std::min(kRows, static_cast<std::size_t>(runner.max_rows()));
  for (std::size_t begin = 0; begin < tokens.size(); begin += step) {
    std::vector<BatchRow> rows;
    for (std::size_t i = begin; i < std::min(begin + step, tokens.size()); ++i) {
      rows.push_back({.token = static_cast<std::int32_t>(tokens[i]),
                      .position = static_cast<std::int32_t>(i),
                      .sequence = 0,
                      .output = RowOutput::kLogits});
    }
    const ForwardOutput out = SLIP_TRY(runner.run({.rows = rows, .page_tables = page_table}));
    SLIP_TRY(file.write(std::as_bytes(out.logits)));
    progress.update(static_cast<std::int64_t>(begin + rows.size()));
  }
  return {};
}

std::string as_json(const Options& o, std::int64_t n_vocab) {
  const auto n_tokens = static_cast<std::int64_t>(o.tokens.size());
  JsonWriter json;
  json.begin_object().key("file").string(o.out).key("type").string("F32");
  json.key("n_tokens").integer(n_tokens).key("n_vocab").integer(n_vocab);
  return json.key("bytes").integer(n_tokens * n_vocab * 4).end_object().take();
}

Result<int> run(const Options& o) {
  const auto runtime = SLIP_TRY(o.model.make_runtime());
  LoadOptions options = SLIP_TRY(o.model.load_options());
  options.arithmetic = Arithmetic::kExact;
  options.with_tokenizer = false;
  if (options.n_ctx == 0) options.n_ctx = static_cast<std::int64_t>(o.tokens.size());
  const auto model = SLIP_TRY(load_model(o.model.path, *runtime, options));
  if (static_cast<std::int64_t>(o.tokens.size()) > model->runner().n_ctx()) {
    return fail(ErrorKind::kLimit, "tokens: expected at most {}, got {}", model->runner().n_ctx(),
                o.tokens.size());
  }
  const std::int64_t largest = *std::max_element(o.tokens.begin(), o.tokens.end());
  if (largest >= model->config().n_vocab) {
    return usage_failure(
        fmt::format("--tokens: expected tokens below {}, got {}", model->config().n_vocab, largest),
        "logits");
  }
  auto file = SLIP_TRY(AtomicFile::create(o.out));
  SLIP_TRY(write_logits(model->runner(), o.tokens, file));
  SLIP_TRY(file.commit());
  if (!o.json) {
    print_status(
        fmt::format("{}: {} x {} float32", o.out, o.tokens.size(), model->config().n_vocab));
    return kExitOk;
  }
  Output out;
  out.write(as_json(o, model->config().n_vocab));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.section("Logits");
  args.add("--tokens", o->tokens, "the sequence's token ids", {.min = 0, .max = INT32_MAX});
  args.add_path("-o,--out", o->out, "file for the logits: float32, [n_tokens][n_vocab]");
  args.section("Output");
  args.add_flag("--json", o->json, "print JSON about the file");
  args.require([o = o.get()]() -> Result<> {
    if (o->tokens.empty()) return invalid("no tokens given: expected --tokens 1,5,9");
    if (o->out.empty()) return invalid("no file given: expected --out FILE");
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_logits() {
  static const Command command{.name = "logits",
                               .summary = "write a token sequence's logits to a file",
                               .group = "Measure",
                               .setup = setup};
  return command;
}

}  // namespace slip
