#include <fmt/format.h>

#include "base/os/terminal.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/open_tokenizer.h"
#include "cli/options.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  std::string model;
  std::optional<std::string> text;
  std::string file;
  bool no_special = false;
  bool ids_only = false;
  bool json = false;
};

std::string as_json(const Tokenizer& tokenizer, const std::vector<int>& ids) {
  JsonWriter json;
  json.begin_object().key("tokens").integers(ids).key("pieces").begin_array();
  for (const int id : ids) json.string(tokenizer.token_bytes(id));
  json.end_array().key("n_tokens").integer(static_cast<std::int64_t>(ids.size())).end_object();
  return json.take();
}

std::string as_text(const Tokenizer& tokenizer, const std::vector<int>& ids, bool ids_only) {
  if (ids_only) return fmt::format("{}\n", fmt::join(ids, " "));
  std::string text;
  for (const int id : ids) text += fmt::format("{:>8}  {}\n", id, tokenizer.token_name(id));
  return text;
}

Result<int> run(const Options& o) {
  std::string text = o.text.value_or("");
  if (!o.file.empty()) {
    text = SLIP_TRY(read_input(o.file));
  } else if (!o.text && !is_terminal(Stream::kInput)) {
    text = SLIP_TRY(read_input("-"));
  }
  const auto tokenizer = SLIP_TRY(open_tokenizer(o.model));
  const bool special = !o.no_special;
  const std::vector<int> ids =
      tokenizer->encode(text, {.add_special = special, .parse_special = special});
  Output out;
  out.write(o.json ? as_json(*tokenizer, ids) : as_text(*tokenizer, ids, o.ids_only));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  declare_model(args, o->model);
  args.add_positional("text", o->text, "text; standard input when it is no terminal");
  args.section("Text");
  args.add("-p,--prompt", o->text, "the text, as an option");
  args.add_path("-f,--file", o->file, "read the text from a file; - is standard input");
  args.add_flag("--no-special", o->no_special, "add no BOS or EOS, read <|…|> as plain text");
  args.section("Output");
  args.add_flag("--ids", o->ids_only, "print the ids on one line");
  args.add_flag("--json", o->json, "print JSON");
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_tokenize() {
  static const Command command{.name = "tokenize",
                               .summary = "split text into a model's tokens",
                               .group = "Look",
                               .setup = setup};
  return command;
}

}  // namespace slip
