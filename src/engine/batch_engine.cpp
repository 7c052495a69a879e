#include "engine/batch_engine.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace slip {
namespace {

// Rows with logits that a pass takes of one sequence: a row of a large vocabulary is half a MB.
constexpr std::int64_t kMostLogitRows = 32;
constexpr int kMostLogprobs = 100;
constexpr double kFirstAcceptRate = 0.5;  // of guesses, before any was put to the test

std::int64_t pages_for(std::int64_t n_tokens) {
  return (n_tokens + kKvPageTokens - 1) / kKvPageTokens;
}

// The 1 keeps it from being 0.
std::uint64_t hash_of_first_page(std::span<const std::int32_t> tokens) {
  if (std::ssize(tokens) < kKvPageTokens) return 0;
  return content_hash(std::as_bytes(tokens.first(kKvPageTokens))) | 1;
}

}  // namespace

void EngineStats::add_counters(const EngineStats& earlier) {
  n_steps += earlier.n_steps;
  n_preemptions += earlier.n_preemptions;
  n_prompt_tokens += earlier.n_prompt_tokens;
  n_cached_tokens += earlier.n_cached_tokens;
  n_prefilled += earlier.n_prefilled;
  n_generated += earlier.n_generated;
  n_drafts += earlier.n_drafts;
  n_draft_tokens += earlier.n_draft_tokens;
  n_accepted += earlier.n_accepted;
  for (std::size_t i = 0; i < n_accepted_at.size(); ++i)
    n_accepted_at[i] += earlier.n_accepted_at[i];
  for (std::size_t i = 0; i < n_finished.size(); ++i) n_finished[i] += earlier.n_finished[i];
}

BatchEngine::BatchEngine(ModelRunner& runner, BatchEngineOptions options)
    : runner_(runner),
      options_(std::move(options)),
      pool_(runner.kv().n_pages()),
      tree_(pool_),
      ngrams_(options_.draft_max > 0 ? std::int64_t{pool_.n_pages()} * kKvPageTokens : 0) {
  options_.draft_max = std::clamp<std::int64_t>(options_.draft_max, 0, kMostDrafted);
  accept_rate_.add(kFirstAcceptRate);
  options_.max_running = std::clamp<std::int64_t>(options_.max_running, 1, runner.max_rows());
  rows_.reserve(static_cast<std::size_t>(runner.max_rows()));
  parts_.reserve(static_cast<std::size_t>(options_.max_running));
  tables_.reserve(static_cast<std::size_t>(options_.max_running));
  prefilling_.reserve(static_cast<std::size_t>(options_.max_running));
}

Result<> BatchEngine::check(const Request& request) const {
  const int n_vocab = runner_.config().n_vocab;
  if (request.prompt.empty()) return invalid("prompt: expected at least one token");
  for (const std::int32_t token : request.prompt) {
    if (token < 0 || token >= n_vocab) {
      return invalid("prompt: token {}: expected 0 … {}", token, n_vocab - 1);
    }
  }
  const std::int64_t most =
      std::min(runner_.n_ctx(), std::int64_t{pool_.n_pages()} * kKvPageTokens);
  if (std::ssize(request.prompt) > most) {
    return fail(ErrorKind::kLimit, "prompt: {} tokens don't fit the context of {} ({} too many)",
                request.prompt.size(), most, std::ssize(request.prompt) - most);
  }
  if (request.max_tokens < -1) {
    return invalid("max_tokens: expected at least -1, got {}", request.max_tokens);
  }
  if (request.n_logprobs < -1 || request.n_logprobs > kMostLogprobs) {
    return invalid("logprobs: expected 0 … {}, got {}", kMostLogprobs, request.n_logprobs);
  }
  return slip::check(request.sampling, n_vocab);
}

Result<RequestId> BatchEngine::submit(Request request) {
  SLIP_TRY(check(request));
  const RequestId id = next_id();
  add(id, std::move(request));
  return id;
}

void BatchEngine::add(RequestId id, Request request) {
  SLIP_CHECK(request.sink != nullptr && !request.prompt.empty());
  auto s = std::make_unique<Sequence>(id, std::move(request));
  const std::int64_t room =
      std::min(runner_.n_ctx(), std::int64_t{pool_.n_pages()} * kKvPageTokens) - s->n_prompt;
  const std::int64_t asked = s->request.kind == RequestKind::kGenerate ? s->request.max_tokens : 0;
  s->n_limit = s->n_prompt + (asked < 0 ? room : std::min(asked, room));
  s->tokens.reserve(static_cast<std::size_t>(s->n_limit));
  s->pages.reserve(static_cast<std::size_t>(pages_for(s->n_limit)));
  s->first_page_hash = hash_of_first_page(s->tokens);
  if (s->request.kind == RequestKind::kEmbedMean) {
    s->pooled.resize(static_cast<std::size_t>(runner_.config().d_model));
  }
  s->accept_rate = AcceptRate(accept_rate_.value());
  s->client = clients_.enter(s->request.client);
  s->times.submitted_ns = s->wait_began_ns = options_.clock();
  refresh_match(*s);
  if (sequences_.empty()) last_end_ns_ = s->wait_began_ns;
  trace_.begin(id, s->request.name, s->wait_began_ns);
  sequences_.push_back(std::move(s));
  views_.reserve(sequences_.capacity());
}

bool BatchEngine::cancel(RequestId id) {
  for (const auto& s : sequences_) {
    if (s->id != id) continue;
    end(*s, FinishReason::kCancelled);
    sweep();
    return true;
  }
  return false;
}

void BatchEngine::end_all(FinishReason reason, std::string_view error) {
  for (const auto& s : sequences_) end(*s, reason, error);
  sweep();
}

std::int64_t BatchEngine::match_limit(const Sequence& s) const {
  return std::max<std::int64_t>(s.n_matchable(), 0) / kKvPageTokens * kKvPageTokens;
}

void BatchEngine::refresh_match(Sequence& s) {
  const auto n = static_cast<std::size_t>(match_limit(s));
  s.match = tree_.match(std::span(s.tokens).first(n), nullptr);
}

// Whether a running sequence is about to compute pages that `s` could share.
bool BatchEngine::waits_for(const Sequence& s, const Sequence& running) const {
  if (!running.is_running || running.first_page_hash != s.first_page_hash ||
      running.request.priority < s.request.priority) {
    return false;
  }
  const std::int64_t limit = match_limit(s);
  if (running.n_computed >= limit) return false;
  const auto end = s.tokens.begin() + limit;
  const auto differ =
      std::mismatch(s.tokens.begin(), end, running.tokens.begin(), running.tokens.end()).first;
  const std::int64_t n_common = (differ - s.tokens.begin()) / kKvPageTokens * kKvPageTokens;
  return running.n_computed < n_common;
}

void BatchEngine::update_deferral(Sequence& s) {
  if (s.is_running || s.first_page_hash == 0) return;
  const bool was_deferred = s.is_deferred;
  s.is_deferred = std::any_of(prefilling_.begin(), prefilling_.end(),
                              [&](const Sequence* other) { return waits_for(s, *other); });
  if (was_deferred && !s.is_deferred) refresh_match(s);
}

SequenceView BatchEngine::view_of(const Sequence& s, std::int64_t now) const {
  std::int64_t n_own = 0;
  for (const std::int32_t page : s.pages) n_own += pool_.holders(page) == 1;
  const bool many_logits = s.request.prompt_logprobs && s.n_prompt_reported < s.n_prompt;
  return {.is_running = s.is_running,
          .is_deferred = s.is_deferred,
          .priority = s.request.priority,
          .waited_ns = s.waited_ns + (s.is_running ? 0 : now - s.wait_began_ns),
          .deadline_ns = s.request.deadline_ns,
          .arrival = s.id,
          .client = s.client,
          .n_tokens = s.n_tokens(),
          .n_computed = s.is_running ? s.n_computed : s.match.n_pages * kKvPageTokens,
          .n_expected = std::clamp<std::int64_t>(
              static_cast<std::int64_t>(answer_tokens_.value()) - s.n_generated(), 0,
              s.n_limit - s.n_tokens()),
          .max_rows = many_logits ? kMostLogitRows : runner_.max_rows(),
          .n_pages = s.is_running ? std::ssize(s.pages) : s.match.n_held,
          .n_own_pages = n_own,
          .n_guessed = s.n_guessed,
          .accept_rate = s.accept_rate.value()};
}

bool BatchEngine::step(const std::atomic<bool>* stop) {
  if (sequences_.empty()) return false;
  const std::int64_t start = options_.clock();
  const std::int64_t n_generated = counters_.n_generated;
  schedule();
  make_batch();
  sweep();
  if (rows_.empty()) return !sequences_.empty();
  const auto out = runner_.run({.rows = rows_, .page_tables = tables_, .cancel = stop});
  if (out) {
    trace_rows(start);
    postprocess(*out);
  } else if (out.error().kind != ErrorKind::kCancelled) {
    for (const Part& part : parts_) end(*part.sequence, FinishReason::kError, out.error().message);
  }
  sweep();
  counters_.last_step_ns = options_.clock() - start;
  ++counters_.n_steps;
  if (!out) return true;
  record_time(counters_.n_generated - n_generated);
  trace_pass(start);
  return true;
}

void BatchEngine::schedule() {
  const std::int64_t now = options_.clock();
  views_.clear();
  prefilling_.clear();
  for (const auto& s : sequences_) {
    if (s->is_running && s->n_pending() > 1) prefilling_.push_back(s.get());
  }
  for (const auto& s : sequences_) {
    update_deferral(*s);
    propose(*s);
    views_.push_back(view_of(*s, now));
  }
  make_plan({.sequences = views_, .service = clients_.service(), .now_ns = now},
            {.max_rows = runner_.max_rows(),
             .max_running = options_.max_running,
             .n_available = tree_.n_available(),
             .target_ns = options_.itl_target_ns,
             .token_ns = token_ns_.value(),
             .time = &step_time_,
             .row_times = &row_times_},
            plan_);
  const auto at = [&](std::int32_t i) -> Sequence& {
    return *sequences_[static_cast<std::size_t>(i)];
  };
  for (const std::int32_t i : plan_.expired) end(at(i), FinishReason::kDeadline);
  for (const std::int32_t i : plan_.preempted) preempt(at(i));
  if (plan_.short_of_pages >= 0) refresh_match(at(plan_.short_of_pages));
}

void BatchEngine::make_batch() {
  rows_.clear();
  parts_.clear();
  tables_.clear();
  shape_ = {};
  for (const Plan::Run& run : plan_.runs) {
    Sequence& s = *sequences_[static_cast<std::size_t>(run.sequence)];
    if (!s.is_running && !admit(s)) continue;
    const std::int64_t n_rows = std::min(run.n_rows, s.n_pending());
    if (!grow(s, s.n_computed + n_rows)) {
      preempt(s);
      continue;
    }
    add_rows(s, n_rows);
    if (run.n_drafted > 0 && grow(s, s.n_tokens() + run.n_drafted)) add_draft(s, run.n_drafted);
  }
}

// Takes what the cache has, and pages for the rest. What the plan counted on may have changed
// since: then the sequence waits for the next plan, which knows.
bool BatchEngine::admit(Sequence& s) {
  update_deferral(s);
  if (s.is_deferred) return false;
  const auto n = static_cast<std::size_t>(match_limit(s));
  s.match = tree_.match(std::span(s.tokens).first(n), &s.pages);
  tree_.lock(s.pages);
  if (!grow(s, s.n_tokens())) {
    tree_.unlock(s.pages);
    s.pages.clear();
    return false;
  }
  s.n_in_tree = s.match.n_pages;
  s.n_computed = s.n_in_tree * kKvPageTokens;
  s.is_running = true;
  prefilling_.push_back(&s);
  const std::int64_t now = options_.clock();
  s.waited_ns += now - s.wait_began_ns;
  trace_.admit(s.id, now);
  if (s.times.started_ns == 0) {
    s.times.started_ns = now;
    s.n_cached = s.n_computed;
    counters_.n_prompt_tokens += s.n_prompt;
    counters_.n_cached_tokens += s.n_cached;
    clients_.charge(s.client, kPromptWeight * static_cast<double>(s.n_pending()));
  }
  return true;
}

// Pages for `n_tokens`; all or none.
bool BatchEngine::grow(Sequence& s, std::int64_t n_tokens) {
  const std::int64_t n_missing = pages_for(n_tokens) - std::ssize(s.pages);
  if (n_missing > tree_.n_available()) return false;
  for (std::int64_t i = 0; i < n_missing; ++i) s.pages.push_back(tree_.allocate());
  return true;
}

// What it computed stays in the cache as long as nobody needs the room.
void BatchEngine::preempt(Sequence& s) {
  tree_.unlock(s.pages);
  s.pages.clear();
  s.n_computed = s.n_in_tree = 0;
  std::fill(s.pooled.begin(), s.pooled.end(), 0.0);
  s.is_running = false;
  s.wait_began_ns = options_.clock();
  trace_.preempt(s.id, s.wait_began_ns);
  refresh_match(s);
  ++s.n_preemptions;
  ++counters_.n_preemptions;
}

RowOutput BatchEngine::wanted_output(const Sequence& s, std::int64_t position) const {
  const bool is_last = position + 1 == s.n_tokens();
  switch (s.request.kind) {
    case RequestKind::kEmbedMean:
      return RowOutput::kHidden;
    case RequestKind::kEmbedLast:
      return is_last ? RowOutput::kHidden : RowOutput::kNone;
    case RequestKind::kGenerate:
      break;
  }
  const bool reports =
      s.request.prompt_logprobs && position + 1 >= s.n_prompt_reported && position + 1 < s.n_prompt;
  return is_last || reports ? RowOutput::kLogits : RowOutput::kNone;
}

void BatchEngine::add_rows(Sequence& s, std::int64_t n_rows) {
  const bool gives_token = n_rows == s.n_pending();
  if (n_rows > gives_token) shape_.add_prefill(s.n_computed, n_rows - gives_token);
  if (gives_token) shape_.add_decode(s.n_tokens() - 1);
  counters_.n_prefilled += n_rows - gives_token;
  for (std::int64_t position = s.n_computed; position < s.n_computed + n_rows; ++position) {
    rows_.push_back({.token = s.tokens[static_cast<std::size_t>(position)],
                     .position = static_cast<std::int32_t>(position),
                     .sequence = static_cast<std::int32_t>(tables_.size()),
                     .output = wanted_output(s, position)});
  }
  parts_.push_back({.sequence = &s, .n_rows = n_rows});
  tables_.emplace_back(s.pages);
}

EngineStats BatchEngine::stats() const {
  EngineStats stats = counters_;
  for (const auto& s : sequences_) ++(s->is_running ? stats.n_running : stats.n_waiting);
  stats.n_pages = pool_.n_pages();
  stats.n_free = pool_.n_free();
  stats.n_cached = tree_.n_cached();
  stats.n_held = pool_.n_held();
  stats.ns_between_ends = static_cast<std::int64_t>(between_ends_.value());
  stats.page_bytes = runner_.kv().page_bytes();
  return stats;
}

Result<> BatchEngine::check_integrity() const {
  SLIP_TRY(tree_.check_integrity());
  std::vector<std::int32_t> holders(static_cast<std::size_t>(pool_.n_pages()));
  for (const auto& s : sequences_) {
    for (const std::int32_t page : s->pages) ++holders[static_cast<std::size_t>(page)];
  }
  for (std::int32_t page = 0; page < pool_.n_pages(); ++page) {
    const std::int32_t n = holders[static_cast<std::size_t>(page)];
    if (n != pool_.holders(page)) {
      return invalid("page {}: expected {} sequences to hold it, got {}", page, pool_.holders(page),
                     n);
    }
  }
  return {};
}

}  // namespace slip
