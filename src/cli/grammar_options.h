// The options that give an answer its form.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/arguments.h"
#include "engine/grammar_constraint.h"

namespace slip {

struct GrammarOptions {
  std::string grammar;
  std::string grammar_file;
  std::string json_schema;  // text, or @ and a file
  std::string json_schema_file;

  // At most one of them may be given.
  void declare(Arguments& args);
  // Null without any.
  Result<std::unique_ptr<TokenConstraint>> constraint(GrammarCache& grammars) const;
};

}  // namespace slip
