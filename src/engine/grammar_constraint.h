// Answers that a grammar describes: GBNF, a JSON Schema, or any JSON object.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "engine/token_constraint.h"
#include "text/grammar/token_masks.h"
#include "text/tokenizer.h"

namespace slip {

struct GrammarSource {
  enum class Kind { kGbnf, kJsonSchema, kJsonObject } kind = Kind::kGbnf;
  std::string text;  // empty for kJsonObject
  bool operator==(const GrammarSource&) const = default;
};

// The grammars that were used last with one model, compiled. Thread-safe. The tokenizer must
// outlive it and what it makes.
class GrammarCache {
 public:
  explicit GrammarCache(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // A constraint for one answer. Errors: the grammar's (text/grammar), and kUnsupported when the
  // model has no end-of-answer token.
  Result<std::unique_ptr<TokenConstraint>> constrain(const GrammarSource& source);

 private:
  static constexpr std::size_t kMaxGrammars = 8;
  struct Entry {
    GrammarSource source;
    std::shared_ptr<grammar::TokenMasks> masks;
  };
  Result<std::shared_ptr<grammar::TokenMasks>> masks_for(const GrammarSource& source);

  const Tokenizer& tokenizer_;
  std::mutex mutex_;
  std::shared_ptr<const grammar::TokenTrie> trie_;  // made with the first grammar
  std::list<Entry> entries_;                        // most recently used first
};

}  // namespace slip
