// Pieces of tokenizer.json as parts of a Tokenizer (the format is that of Hugging Face's
// `tokenizers` library, version 1.0 of the file).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/json.h"
#include "text/tokenizer_parts.h"

namespace slip {

struct HfAddedToken {
  AddedToken token;
  bool normalized = false;  // found in the normalised text
};

Result<std::vector<HfAddedToken>> read_hf_added_tokens(const JsonView& file);

// What the sections of the file say together about how the text is treated.
struct HfTextRules {
  TokenSpelling spelling = TokenSpelling::kPlain;
  // The normaliser has replaced every space by "▁" before the pre-tokenizer runs.
  bool spaces_replaced = false;
};
Result<HfTextRules> read_hf_rules(const JsonView& file);

// Fills in normaliser, pre-tokenizer and space prefix. kUnsupported names the section's type.
Result<> read_hf_pipeline(const JsonView& file, const HfTextRules& rules, TokenizerParts& parts);

// Fills in the vocabulary (its index is not built), and the ids of the added tokens' kinds.
Result<> read_hf_vocabulary(const JsonView& model, const std::vector<HfAddedToken>& added,
                            TokenizerParts& parts);

// Makes the model; the vocabulary's index must be built.
Result<> read_hf_model(const JsonView& model, TokenizerParts& parts);

// "BPE", "Unigram", "WordPiece": old files leave the type out.
Result<std::string> hf_model_type(const JsonView& model);

}  // namespace slip
