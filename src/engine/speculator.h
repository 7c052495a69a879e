// Which drafter guesses ahead, and how far.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "engine/draft_length.h"
#include "engine/drafter.h"
#include "engine/sampling.h"
#include "engine/session.h"

namespace slip {

class ModelDrafter;

// Keeps what it learns about speed from one answer to the next. Of the drafters that pay, the one
// with the most to expect is asked first, the other where that has nothing to say. Answers are the
// same with any draft. Not thread-safe.
class Speculator {
 public:
  struct Options {
    std::int64_t most = 8;     // tokens to draft at most
    bool looks_up = true;      // what the text repeats
    Session* model = nullptr;  // of a smaller model with the same vocabulary; borrowed
    std::int64_t n_vocab = 0;  // of the model that is guessed for; with `model`
  };
  explicit Speculator(const Options& options);
  ~Speculator();

  // An answer begins. `cancel` is polled and may be null.
  void begin(const SamplingParams& params, const std::atomic<bool>* cancel);
  // At most `most` tokens that may follow `text`, none where that doesn't pay. Valid until the
  // next call.
  Drafter::Text draft(Drafter::Text text, std::int64_t most);
  // Only so many of the draft's first tokens are in the pass; the others count as wrong.
  void shorten(std::int64_t n_tokens) { n_used_ = n_tokens; }
  // The pass over the newest token and the draft took `ns`; `n_accepted` drafted tokens were right.
  void record(std::int64_t n_accepted, std::int64_t ns);

 private:
  struct Source {
    std::unique_ptr<Drafter> drafter;
    DraftLength length;
  };
  Drafter::Text propose(Source& source, Drafter::Text text, std::int64_t most);

  std::vector<Source> sources_;
  ModelDrafter* model_ = nullptr;  // among the sources
  PassTimes passes_;
  std::size_t drafted_by_ = 0;  // index of a source, when there is a draft
  DraftLength::Draft draft_;
  std::int64_t n_used_ = 0;  // of its tokens
};

}  // namespace slip
