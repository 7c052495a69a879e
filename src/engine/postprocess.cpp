// The second half of BatchEngine: from a pass's results to tokens, events and ends.
#include <algorithm>

#include "engine/batch_engine.h"
#include "engine/logprobs.h"
#include "ops/rowwise.h"

namespace slip {

void BatchEngine::postprocess(const ForwardOutput& out) {
  out_ = out;
  n_logits_taken_ = n_hidden_taken_ = 0;
  std::span<const BatchRow> rows = rows_;
  for (const Part& part : parts_) {
    const auto n = static_cast<std::size_t>(part.n_rows + part.n_drafted);
    process(part, rows.first(n));
    rows = rows.subspan(n);
  }
}

void BatchEngine::process(const Part& part, std::span<const BatchRow> rows) {
  Sequence& s = *part.sequence;
  const std::int64_t n_before = s.n_tokens();
  advance(s, part.n_rows);
  for (const BatchRow& row : rows.first(static_cast<std::size_t>(part.n_rows))) {
    if (row.output == RowOutput::kHidden) {
      pool(s, row.position);
    } else if (row.output == RowOutput::kLogits) {
      const RowLogits next = next_logits();
      if (row.position + 1 < s.n_prompt) {
        report_prompt_token(s, row.position + 1, next.logits);
      } else if (s.n_tokens() == s.n_limit) {
        end(s, FinishReason::kLength);
      } else {
        choose_token(s, next);
      }
    }
  }
  check_draft(s, rows.last(static_cast<std::size_t>(part.n_drafted)));
  learn(s, part, n_before);
}

// Its next `n_rows` tokens are computed; full pages can be shared from now on.
void BatchEngine::advance(Sequence& s, std::int64_t n_rows) {
  s.n_computed += n_rows;
  const std::int64_t n_full = s.n_computed / kKvPageTokens;
  tree_.insert(s.tokens, s.pages, {.n_known = s.n_in_tree, .n_full = n_full});
  s.n_in_tree = std::max(s.n_in_tree, n_full);
}

// What the pass took, which gave `n_given` tokens.
void BatchEngine::record_time(std::int64_t n_given) {
  const std::int64_t ns = counters_.last_step_ns;
  step_time_.record(shape_, ns);
  if (shape_.n_decode == 0) return;
  std::int64_t n_sequences = shape_.n_decode;
  for (const Part& part : parts_) n_sequences -= part.n_drafted;
  if (shape_.n_prefill == 0) {
    row_times_.record({.n_rows = shape_.n_decode,
                       .n_plain = n_sequences,
                       .ns = ns,
                       .n_given = n_given,
                       .promised = plan_.promised});
  }
  token_ns_.add(static_cast<double>(ns) * static_cast<double>(n_sequences) /
                static_cast<double>(std::max(n_given, n_sequences)));
}

BatchEngine::RowLogits BatchEngine::next_logits() {
  const auto n = static_cast<std::size_t>(runner_.config().n_vocab);
  const std::size_t n_peaks = out_.peaks.empty() ? 0 : (n + kPeakGroup - 1) / kPeakGroup;
  const std::size_t row = n_logits_taken_++;
  return {out_.logits.subspan(row * n, n), out_.peaks.subspan(row * n_peaks, n_peaks)};
}

TokenEvent BatchEngine::event_of(const Sequence& s, std::int64_t position,
                                 std::span<const float> logits) {
  TokenEvent event{
      .id = s.id, .token = s.tokens[static_cast<std::size_t>(position)], .position = position};
  if (s.request.n_logprobs < 0) return event;
  const double total = log_sum_exp(logits);
  top_logprobs(logits, total, s.request.n_logprobs, top_);
  event.logprob = static_cast<float>(
      static_cast<double>(logits[static_cast<std::size_t>(event.token)]) - total);
  event.top = top_;
  return event;
}

void BatchEngine::report_prompt_token(Sequence& s, std::int64_t position,
                                      std::span<const float> logits) {
  s.request.sink->on_prompt_token(event_of(s, position, logits));
  s.n_prompt_reported = position + 1;
}

// Adds up row by row in double, in order of position: the same bits for any chunks.
void BatchEngine::pool(Sequence& s, std::int64_t position) {
  const auto n = static_cast<std::size_t>(runner_.config().d_model);
  const auto hidden = out_.hidden.subspan(n_hidden_taken_, n);
  n_hidden_taken_ += n;
  embedding_.assign(hidden.begin(), hidden.end());
  if (s.request.kind == RequestKind::kEmbedMean) {
    for (std::size_t i = 0; i < n; ++i) {
      s.pooled[i] += static_cast<double>(hidden[i]);
      embedding_[i] = static_cast<float>(s.pooled[i] / static_cast<double>(s.n_prompt));
    }
  }
  if (position + 1 < s.n_prompt) return;
  s.request.sink->on_embedding(s.id, embedding_);
  end(s, FinishReason::kStop);
}

void BatchEngine::choose_token(Sequence& s, RowLogits row) {
  TokenConstraint* constraint = s.request.constraint.get();
  std::span<const std::uint64_t> allowed;
  if (constraint != nullptr) {
    allowed = constraint->allowed();
    if (allowed.empty()) return end(s, FinishReason::kError, "grammar: no token can follow");
  }
  const std::int64_t position = s.n_tokens();
  const std::int32_t token = sampler_.sample(
      s.request.sampling, row.logits,
      {.history = s.tokens, .position = position, .allowed = allowed, .peaks = row.peaks});
  s.tokens.push_back(token);
  ++counters_.n_generated;
  clients_.charge(s.client, kAnswerWeight);
  if (constraint != nullptr) constraint->accept(token);
  if (s.times.first_token_ns == 0) s.times.first_token_ns = options_.clock();
  const auto answer = s.request.sink->on_token(event_of(s, position, row.logits));
  const auto& stops = s.request.stop_tokens;
  if (answer == OutputSink::Answer::kCancel) {
    end(s, FinishReason::kCancelled);
  } else if (answer == OutputSink::Answer::kStop ||
             std::find(stops.begin(), stops.end(), token) != stops.end()) {
    end(s, FinishReason::kStop);
  } else if (s.n_tokens() == s.n_limit) {
    end(s, FinishReason::kLength);
  }
}

void BatchEngine::end(Sequence& s, FinishReason reason, std::string_view error) {
  if (s.is_done) return;
  s.is_done = true;
  s.times.finished_ns = options_.clock();
  tree_.unlock(s.pages);
  s.pages.clear();
  s.is_running = false;
  clients_.leave(s.client);
  if (s.accept_rate.n_tested() > 0) accept_rate_.add(s.accept_rate.value());
  if (reason == FinishReason::kStop || reason == FinishReason::kLength) {
    answer_tokens_.add(static_cast<double>(s.n_generated()));
  }
  ++counters_.n_finished[static_cast<std::size_t>(reason)];
  between_ends_.add(static_cast<double>(s.times.finished_ns - last_end_ns_));
  last_end_ns_ = s.times.finished_ns;
  const RequestEnd end{.id = s.id,
                       .reason = reason,
                       .error = error,
                       .n_prompt = s.n_prompt,
                       .n_cached = s.n_cached,
                       .n_generated = s.n_generated(),
                       .n_preemptions = s.n_preemptions,
                       .times = s.times};
  trace_.end(end);
  s.request.sink->on_end(end);
}

// Before the results of the pass are looked at: they may end sequences.
void BatchEngine::trace_rows(std::int64_t begin_ns) {
  const std::int64_t now = options_.clock();
  for (const Part& part : parts_) {
    const Sequence& s = *part.sequence;
    const bool gives_token =
        s.request.kind == RequestKind::kGenerate && part.n_rows == s.n_pending();
    trace_.add_rows(
        s.id,
        {.begin_ns = begin_ns, .end_ns = now, .n_rows = part.n_rows, .gives_token = gives_token});
  }
}

void BatchEngine::trace_pass(std::int64_t begin_ns) {
  const auto n_running = std::count_if(sequences_.begin(), sequences_.end(),
                                       [](const auto& s) { return s->is_running; });
  trace_.add_pass({.begin_ns = begin_ns,
                   .end_ns = begin_ns + counters_.last_step_ns,
                   .n_prefill = shape_.n_prefill,
                   .n_decode = shape_.n_decode,
                   .n_running = n_running,
                   .n_waiting = std::ssize(sequences_) - n_running});
}

void BatchEngine::sweep() {
  sequences_.erase(std::remove_if(sequences_.begin(), sequences_.end(),
                                  [](const auto& s) { return s->is_done; }),
                   sequences_.end());
}

}  // namespace slip
