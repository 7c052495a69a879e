#include "text/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/bpe.h"
#include "text/trie.h"
#include "text/utf8.h"

namespace slip {
namespace {

// How much worse than the worst token an unknown character is (SentencePiece's kUnkPenalty).
constexpr double kUnknownPenalty = 10.0;

constexpr int kUnknown = -1;

class Unigram : public TokenModel {
 public:
  Unigram(const Vocabulary& vocabulary, UnigramOptions options, std::vector<double> scores)
      : scores_(std::move(scores)),
        unknown_(vocabulary, {.unknown_id = options.unknown_id,
                              .fuse_unknown = options.fuse_unknown,
                              .byte_fallback = options.byte_fallback}) {
    if (scores_.empty()) {
      for (int id = 0; id < vocabulary.size(); ++id) scores_.push_back(vocabulary.score(id));
    }
    std::vector<Trie::Entry> entries;
    double worst = std::numeric_limits<double>::infinity();
    for (int id = 0; id < vocabulary.size(); ++id) {
      const TokenKind kind = vocabulary.kind(id);
      double& score = scores_[static_cast<std::size_t>(id)];
      if (!std::isfinite(score)) score = 0;
      if (kind == TokenKind::kNormal) worst = std::min(worst, score);
      // They are found before anything else: nothing is better than taking them whole.
      if (kind == TokenKind::kUserDefined) score = 0;
      if (kind == TokenKind::kNormal || kind == TokenKind::kUserDefined ||
          kind == TokenKind::kUnused) {
        entries.push_back({vocabulary.bytes(id), id});
      }
    }
    trie_ = Trie(std::move(entries));
    unknown_score_ = (std::isfinite(worst) ? worst : 0) - kUnknownPenalty;
  }

  void encode(std::string_view piece, std::vector<int>& out) const override {
    const std::vector<Best> best = best_paths(piece);
    std::vector<Step> path;  // from the end to the start
    for (std::size_t end = piece.size(); end > 0; end = best[end].begin) {
      path.push_back({best[end].begin, end, best[end].id});
    }
    bool after_known = true;
    for (std::size_t i = path.size(); i-- > 0;) {
      const Step& step = path[i];
      if (step.id != kUnknown) {
        out.push_back(step.id);
      } else {
        unknown_.write(piece.substr(step.begin, step.end - step.begin), after_known, out);
      }
      after_known = step.id != kUnknown;
    }
  }

 private:
  // The best way to reach a place: from `begin` with token `id`.
  struct Best {
    double score = -std::numeric_limits<double>::infinity();
    std::uint32_t begin = 0;
    int id = kUnknown;
  };
  struct Step {
    std::size_t begin, end;
    int id;
  };

  std::vector<Best> best_paths(std::string_view piece) const {
    std::vector<Best> best(piece.size() + 1);
    best[0].score = 0;
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t char_size = utf8_at(piece.data() + at).size;
      const double here = best[at].score;
      bool has_char = false;
      const auto offer = [&](std::size_t size, int id, double score) {
        Best& there = best[at + size];
        if (here + score > there.score) there = {here + score, static_cast<std::uint32_t>(at), id};
      };
      trie_.for_each_prefix(piece.substr(at), [&](std::size_t size, int id) {
        offer(size, id, scores_[static_cast<std::size_t>(id)]);
        has_char |= size == char_size;
      });
      if (!has_char) offer(char_size, kUnknown, unknown_score_);
      at += char_size;
    }
    return best;
  }

  std::vector<double> scores_;
  UnknownWriter unknown_;
  Trie trie_;
  double unknown_score_ = 0;
};

}  // namespace

std::unique_ptr<TokenModel> make_unigram(const Vocabulary& vocabulary, UnigramOptions options,
                                         std::vector<double> scores) {
  return std::make_unique<Unigram>(vocabulary, options, std::move(scores));
}

}  // namespace slip
