// Byte-pair encoding with a list of merges (GPT-2, Llama 3, Qwen; as Hugging Face's BPE model), and
// SentencePiece's variant, where the score of the joined token is the rank of a pair (Llama 2,
// Gemma).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/hash_index.h"
#include "text/token_model.h"
#include "text/vocabulary.h"

namespace slip {

struct BpeOptions {
  // A piece that is a token as a whole becomes that token, whatever the merges say.
  bool ignore_merges = false;
  // Symbols start as single bytes (byte-level), else as characters.
  bool start_with_bytes = true;
  // Emitted for what no token (nor byte tokens) can spell; −1: it is dropped.
  int unknown_id = -1;
  // One unknown token for a run of unknown characters.
  bool fuse_unknown = false;
  // Characters without a token become byte tokens, if there are all 256.
  bool byte_fallback = true;
};

// Spells out symbols that have no token: byte tokens, or the unknown token.
class UnknownWriter {
 public:
  UnknownWriter(const Vocabulary& vocabulary, const BpeOptions& options);
  // `first` says that the symbol begins its piece or follows a known one.
  void write(std::string_view symbol, bool first, std::vector<int>& out) const;

 private:
  const Vocabulary& vocabulary_;
  int unknown_id_;
  bool fuse_;
  bool use_bytes_;
};

// Builds the table of a merge list: the i-th merge has rank i. Merges whose parts or result aren't
// tokens are left out (they can't do anything).
class MergeTableBuilder {
 public:
  MergeTableBuilder(const Vocabulary& vocabulary, std::size_t n_merges);
  // The next merge, its parts as the vocabulary spells them. At most n_merges calls.
  void add(std::string_view left, std::string_view right);
  // The same in one string, parts separated by a space. Malformed: ignored, but its rank counts.
  void add(std::string_view merge);
  PairIndex take();

 private:
  // A merge whose parts are still to be looked up: bytes [begin, middle) and [middle, end) of the
  // buffer.
  struct Pending {
    std::size_t begin, middle, end;
    std::uint64_t left_hash, right_hash;
    std::uint32_t rank;
    int left, right;
  };
  void look_up_batch();
  int merged_id(std::string_view bytes);

  const Vocabulary& vocabulary_;
  PairIndex pairs_;
  std::uint32_t rank_ = 0;
  int guess_ = 0;  // files list merges in the order of their results: try the next id first
  std::string buffer_;
  std::vector<Pending> batch_;
};

// The vocabulary must outlive the model.
std::unique_ptr<TokenModel> make_bpe(const Vocabulary& vocabulary, PairIndex merges,
                                     BpeOptions options);

// SentencePiece's BPE: the pair whose joined token has the highest score goes first.
std::unique_ptr<TokenModel> make_scored_bpe(const Vocabulary& vocabulary, BpeOptions options);

}  // namespace slip
