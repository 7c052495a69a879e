// A model without the tokens that a corpus doesn't use: the work of `slipstream trim-vocab`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "formats/target.h"
#include "text/tokenizer.h"

namespace slip {

struct TrimReport {
  std::int64_t n_tokens_before = 0;
  std::int64_t n_tokens_used = 0;                   // by the corpus
  std::int64_t n_tokens_after = 0;                  // these, and those that stay in any case
  std::uint64_t bytes_before = 0, bytes_after = 0;  // of the files
};

// Reads `source` (a GGUF file, any part of a split one) and writes `target` (one GGUF file) with
// the tokens that `used` says [n_vocab], those that aren't normal text (control, user-defined,
// byte), those of one byte, and what these are merged from: for vocabularies with a list of merges
// ("gpt2", "gemma4") both parts of every merge that makes a kept token; for SentencePiece's BPE
// ("llama") both parts of every such pair of tokens. Their order stays. The tokenizer's arrays, the
// ids of special tokens, the embedding table, output matrix and bias are written without the
// others; all else is copied.
//
// A text that uses no other tokens is encoded as before: every merge made on the way to its tokens
// is still there, in the same order. Any other text is encoded in more tokens. The logits of the
// kept tokens are as before.
//
// Errors: those of reading and writing; kUnsupported for other kinds of vocabulary; kInvalid when
// the target exists (kRefuse) or is the source, and for tensors that don't fit the vocabulary.
Result<TrimReport> trim_vocabulary(const std::filesystem::path& source,
                                   const std::filesystem::path& target,
                                   const std::vector<bool>& used, Existing existing);

}  // namespace slip
