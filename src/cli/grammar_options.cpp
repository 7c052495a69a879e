#include "cli/grammar_options.h"

#include <algorithm>

#include "cli/console.h"

namespace slip {

void GrammarOptions::declare(Arguments& args) {
  args.add("--grammar", grammar, "form of the answer: a grammar in GBNF");
  args.add_path("--grammar-file", grammar_file, "the same, from a file");
  args.add("-j,--json-schema", json_schema,
           "form of the answer: JSON that is valid by this schema; @FILE reads it from a file");
  args.add_path("-jf,--json-schema-file", json_schema_file, "the same, from a file");
  args.require([this]() -> Result<> {
    const std::string* all[] = {&grammar, &grammar_file, &json_schema, &json_schema_file};
    const auto n_given = std::count_if(std::begin(all), std::end(all),
                                       [](const std::string* text) { return !text->empty(); });
    if (n_given <= 1) return {};
    return invalid(
        "expected at most one of --grammar, --grammar-file, --json-schema and "
        "--json-schema-file");
  });
}

Result<std::unique_ptr<TokenConstraint>> GrammarOptions::constraint(GrammarCache& grammars) const {
  using Kind = GrammarSource::Kind;
  if (!grammar.empty()) return grammars.constrain({.kind = Kind::kGbnf, .text = grammar});
  if (!grammar_file.empty()) {
    const std::string text = SLIP_TRY(read_input(grammar_file));
    return grammars.constrain({.kind = Kind::kGbnf, .text = text});
  }
  const bool is_file = json_schema.starts_with('@');
  const std::string file = is_file ? json_schema.substr(1) : json_schema_file;
  if (!file.empty()) {
    const std::string text = SLIP_TRY(read_input(file));
    return grammars.constrain({.kind = Kind::kJsonSchema, .text = text});
  }
  if (json_schema.empty()) return nullptr;
  return grammars.constrain({.kind = Kind::kJsonSchema, .text = json_schema});
}

}  // namespace slip
