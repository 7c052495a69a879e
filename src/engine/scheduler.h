// Who runs in the next forward pass: a pure function of what waits and what there is room for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/draft_rows.h"
#include "engine/step_time.h"

namespace slip {

// A sequence as the policy sees it.
struct SequenceView {
  bool is_running = false;       // has its pages; else it waits, new or pre-empted
  bool is_deferred = false;      // waits for a running one that computes what it can share
  int priority = 0;              // higher first
  std::int64_t waited_ns = 0;    // all time without pages
  std::int64_t deadline_ns = 0;  // 0: none
  std::uint64_t arrival = 0;     // rank
  std::int32_t client = 0;       // index into QueueSnapshot::service
  std::int64_t n_tokens = 0;     // prompt and answer so far
  std::int64_t n_computed = 0;   // of these, in the KV cache (waiting: as it was last seen)
  std::int64_t n_expected = 0;   // tokens still to come, by the answers that others got
  std::int64_t max_rows = 0;     // that it takes in a pass
  // Running: pages of its table, and of these what would be free without it. Waiting: pages that
  // it would share with running ones.
  std::int64_t n_pages = 0;
  std::int64_t n_own_pages = 0;
  // Running: guesses at its next tokens, and the chance of each.
  std::int64_t n_guessed = 0;
  double accept_rate = 0;

  std::int64_t n_pending() const { return n_tokens - n_computed; }
};

struct QueueSnapshot {
  std::span<const SequenceView> sequences;
  std::span<const double> service;  // by client: tokens that it was given, weighted
  std::int64_t now_ns = 0;
};

struct Budget {
  std::int64_t max_rows = 0;     // of a pass
  std::int64_t max_running = 0;  // sequences
  std::int64_t n_available = 0;  // pages, free or cached
  std::int64_t target_ns = 0;    // between a sequence's tokens
  double token_ns = 0;           // what lies between them of late
  const StepTime* time = nullptr;
  const RowTimes* row_times = nullptr;  // null: no guesses are checked
};

// A waiting sequence that runs is admitted: it gets pages for all of its tokens. Reused from step
// to step, so that planning doesn't allocate.
struct Plan {
  struct Run {
    std::int32_t sequence = 0;  // index into the snapshot
    std::int64_t n_rows = 0;
    std::int64_t n_drafted = 0;  // rows more, for so many of its guesses
  };
  std::vector<std::int32_t> expired;    // will miss their deadline
  std::vector<std::int32_t> preempted;  // before anybody is admitted
  std::vector<Run> runs;                // those that decode first
  std::int32_t short_of_pages = -1;     // first in line, and doesn't fit
  StepShape shape;
  double promised = 0;  // of guesses, when nobody prefills (choose_draft_rows())

  struct Scratch {
    std::vector<bool> is_out;  // by sequence: expired, pre-empted or admitted
    std::vector<std::int32_t> prefilling;
    std::vector<double> service;
    std::vector<DraftOffer> offers;
  } scratch;
};

// What a prompt's token and an answer's token count in a client's service: about their shares of a
// CPU's time.
inline constexpr double kPromptWeight = 1, kAnswerWeight = 2;

// The policy, docs/serving-engine.md: decoding sequences all run. What is left of the target goes
// to guesses that are worth more than prompts, then to prompts in chunks: half to the first in
// line, the rest to the shortest. In line are sequences by priority (one step up for each kAgingNs
// of waiting), then clients by service (VTC: Sheng et al., "Fairness in Serving Large Language
// Models", 2024), then by deadline and arrival.
void make_plan(const QueueSnapshot& queue, const Budget& budget, Plan& plan);

inline constexpr std::int64_t kAgingNs = 10'000'000'000;

}  // namespace slip
