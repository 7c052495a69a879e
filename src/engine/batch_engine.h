// Many requests on one runner: continuous batching over a shared prefix cache.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/os/clock.h"
#include "base/result.h"
#include "cache/page_pool.h"
#include "cache/prefix_tree.h"
#include "engine/client_ledger.h"
#include "engine/draft_rows.h"
#include "engine/engine_trace.h"
#include "engine/ngram_table.h"
#include "engine/request.h"
#include "engine/sampling.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/step_time.h"
#include "model/runner.h"

namespace slip {

struct BatchEngineOptions {
  std::int64_t max_running = 64;                 // sequences that decode together, at most
  std::int64_t itl_target_ns = 100'000'000;      // between a sequence's tokens (--itl-target-ms)
  std::int64_t draft_max = 8;                    // tokens to guess ahead, at most kMostDrafted
  std::function<std::int64_t()> clock = now_ns;  // another one in simulations
};

// A running mean: of the first values, then with a weight of 1/20 for each new one.
class RunningMean {
 public:
  void add(double value) {
    n_ = n_ < 20 ? n_ + 1 : n_;
    value_ += (value - value_) / n_;
  }
  double value() const { return value_; }

 private:
  double value_ = 0;
  int n_ = 0;
};

// Counters rise for the engine's life; the rest is as of the last step.
struct EngineStats {
  std::int64_t n_waiting = 0, n_running = 0;                       // sequences
  std::int64_t n_pages = 0, n_free = 0, n_cached = 0, n_held = 0;  // KV pages
  std::int64_t n_steps = 0;
  std::int64_t n_preemptions = 0;
  std::int64_t n_prompt_tokens = 0;  // of requests whose prefill began
  std::int64_t n_cached_tokens = 0;  // of these, found in the cache
  std::int64_t n_prefilled = 0;      // rows that gave no token, those of pre-empted ones again
  std::int64_t n_generated = 0;      // tokens
  std::int64_t n_drafts = 0;         // guesses at a sequence's next tokens that passes checked
  std::int64_t n_draft_tokens = 0;   // in these
  std::int64_t n_accepted = 0;       // of these, right
  std::array<std::int64_t, kMostDrafted> n_accepted_at{};  // by position in the draft
  std::array<std::int64_t, 5> n_finished{};                // by FinishReason
  std::int64_t last_step_ns = 0;
  std::int64_t ns_between_ends = 0;  // of sequences while there is work, of late; 0: none ended
  std::uint64_t page_bytes = 0;      // of a KV page

  // Counters go on from where those of an engine before this one ended.
  void add_counters(const EngineStats& earlier);
};

// A step is schedule → run → postprocess. Answers are those that each request would get alone, to
// the bit (docs/numerics.md), whatever runs beside it, however often it is pre-empted and whatever
// is guessed ahead (docs/speculation.md). Owns the
// runner's KV pages from now on; the runner must outlive it. After warm-up, a step doesn't
// allocate. Not thread-safe, but for check(), next_id() and trace(): EngineThread is.
class BatchEngine {
 public:
  BatchEngine(ModelRunner& runner, BatchEngineOptions options);
  BatchEngine(const BatchEngine&) = delete;
  BatchEngine& operator=(const BatchEngine&) = delete;

  // What is wrong with a request: kInvalid, or kLimit when its prompt doesn't fit.
  Result<> check(const Request& request) const;
  RequestId next_id() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  // Takes a checked request, which has a sink.
  void add(RequestId id, Request request);
  // All three.
  Result<RequestId> submit(Request request);

  // Ends it now, with kCancelled. False when it isn't there (any more).
  bool cancel(RequestId id);
  // Ends all.
  void end_all(FinishReason reason, std::string_view error);

  // One forward pass at most. False when there is nothing to do. `stop` is polled between layers; a
  // pass that it ends has changed nothing, and the requests remain.
  bool step(const std::atomic<bool>* stop = nullptr);

  bool is_idle() const { return sequences_.empty(); }
  EngineStats stats() const;
  const StepTime& step_time() const { return step_time_; }
  // May be used by any thread.
  const EngineTrace& trace() const { return trace_; }
  // See PrefixTree; and every page is held by as many as say so.
  Result<> check_integrity() const;

 private:
  // A sequence's rows in the batch.
  struct Part {
    Sequence* sequence = nullptr;
    std::int64_t n_rows = 0;
    std::int64_t n_drafted = 0;  // behind them
  };

  std::int64_t match_limit(const Sequence& s) const;
  void refresh_match(Sequence& s);
  bool waits_for(const Sequence& s, const Sequence& running) const;
  void update_deferral(Sequence& s);
  SequenceView view_of(const Sequence& s, std::int64_t now) const;
  void schedule();
  void make_batch();
  bool admit(Sequence& s);
  bool grow(Sequence& s, std::int64_t n_tokens);
  void preempt(Sequence& s);
  void add_rows(Sequence& s, std::int64_t n_rows);
  RowOutput wanted_output(const Sequence& s, std::int64_t position) const;

  // postprocess.cpp
  void postprocess(const ForwardOutput& out);
  void process(const Part& part, std::span<const BatchRow> rows);
  void advance(Sequence& s, std::int64_t n_rows);
  void record_time(std::int64_t n_given);
  // The next row's logits and their peaks, where the runner gave those.
  struct RowLogits {
    std::span<const float> logits, peaks;
  };
  RowLogits next_logits();
  void report_prompt_token(Sequence& s, std::int64_t position, std::span<const float> logits);
  void pool(Sequence& s, std::int64_t position);
  void choose_token(Sequence& s, RowLogits row);
  TokenEvent event_of(const Sequence& s, std::int64_t position, std::span<const float> logits);
  void end(Sequence& s, FinishReason reason, std::string_view error = {});
  void sweep();
  void trace_rows(std::int64_t begin_ns);
  void trace_pass(std::int64_t begin_ns);

  // batch_drafts.cpp
  void propose(Sequence& s);
  void add_draft(Sequence& s, std::int64_t n_drafted);
  void check_draft(Sequence& s, std::span<const BatchRow> rows);
  void learn(Sequence& s, const Part& part, std::int64_t n_before);

  ModelRunner& runner_;
  BatchEngineOptions options_;
  PagePool pool_;
  PrefixTree tree_;
  ClientLedger clients_;
  StepTime step_time_;
  RowTimes row_times_;
  NgramTable ngrams_;
  RunningMean accept_rate_;    // of sequences that ended
  RunningMean answer_tokens_;  // that ended by themselves
  RunningMean token_ns_;       // between a sequence's tokens
  RunningMean between_ends_;   // ns, while there is work
  std::int64_t last_end_ns_ = 0;
  EngineTrace trace_;
  std::atomic<RequestId> next_id_{1};
  std::vector<std::unique_ptr<Sequence>> sequences_;  // by arrival
  EngineStats counters_;

  // Of the step.
  std::vector<SequenceView> views_;
  std::vector<const Sequence*> prefilling_;
  Plan plan_;
  StepShape shape_;
  std::vector<Part> parts_;
  std::vector<BatchRow> rows_;
  std::vector<std::span<const std::int32_t>> tables_;
  ForwardOutput out_;
  std::size_t n_logits_taken_ = 0, n_hidden_taken_ = 0;  // rows and floats of out_
  std::vector<float> embedding_;
  std::vector<TokenLogprob> top_;
  Sampler sampler_{SamplingParams{}};  // for all sequences: one set of buffers
};

}  // namespace slip
