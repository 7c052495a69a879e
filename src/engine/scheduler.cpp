#include "engine/scheduler.h"

#include <algorithm>
#include <limits>

#include "model/kv_store.h"

namespace slip {
namespace {

// Prompts advance by this in each pass, however little of the target is left.
constexpr std::int64_t kLeastChunk = 16;
// Where nobody decodes, a pass may take so many targets: larger chunks are faster.
constexpr double kAloneTargets = 4;
// Share of the target that decoding may come to take by admitting more.
constexpr double kDecodeShare = 0.75;
// A target that a single row doesn't meet: then so many times what that row takes.
constexpr double kLeastTarget = 2;
// Prompts are admitted until they are work for so many passes, each at most as a part of one: a
// long one doesn't keep those behind it from their share.
constexpr std::int64_t kChunksAhead = 2, kPartOfChunk = 4;
// What is expected to be needed until a deadline is uncertain: who waits begins only with some time
// to spare, and who runs is given up only when it would have to be much less.
constexpr double kNeededWaiting = 1.5, kNeededRunning = 0.5;
// Beside a prompt's rows, one that checks a guess takes about what one of them does, and its
// logits: with this chance or more it gives more service for its time. At most a part of the time
// that is left goes there.
constexpr double kLikely = 1.3 * kPromptWeight / kAnswerWeight, kDraftShare = 0.5;

std::int64_t pages_for(std::int64_t n_tokens) {
  return (n_tokens + kKvPageTokens - 1) / kKvPageTokens;
}

class Planner {
 public:
  Planner(const QueueSnapshot& queue, const Budget& budget, Plan& plan)
      : queue_(queue), budget_(budget), plan_(plan), available_(budget.n_available) {
    plan.expired.clear();
    plan.preempted.clear();
    plan.runs.clear();
    plan.short_of_pages = -1;
    plan.shape = {};
    plan.promised = 0;
    plan.scratch.is_out.assign(queue.sequences.size(), false);
    plan.scratch.prefilling.clear();
    plan.scratch.service.assign(queue.service.begin(), queue.service.end());
    plan.scratch.offers.clear();
    const StepShape one{.n_decode = 1, .n_prefill = 0, .n_keys = 1};
    target_ns_ = std::max(static_cast<double>(budget.target_ns),
                          kLeastTarget * budget.time->predict_ns(one));
  }

  void expire();
  void decode();
  void admit();
  void draft();
  void prefill();

 private:
  const SequenceView& view(std::int32_t i) const {
    return queue_.sequences[static_cast<std::size_t>(i)];
  }
  std::int32_t size() const { return static_cast<std::int32_t>(queue_.sequences.size()); }
  bool is_out(std::int32_t i) const { return plan_.scratch.is_out[static_cast<std::size_t>(i)]; }
  void set_out(std::int32_t i) { plan_.scratch.is_out[static_cast<std::size_t>(i)] = true; }
  bool runs(std::int32_t i) const { return view(i).is_running && !is_out(i); }
  bool decodes(std::int32_t i) const { return runs(i) && view(i).n_pending() == 1; }
  static std::int64_t level(const SequenceView& v) { return v.priority + v.waited_ns / kAgingNs; }

  bool is_before(std::int32_t a, std::int32_t b) const;
  double needed_ns(const SequenceView& v) const;
  void preempt(std::int32_t i);
  // The last in line of the running ones that `may` go; -1 when there is none.
  template <class F>
  std::int32_t victim(F may) const;
  bool make_room_for(std::int32_t i);
  std::int32_t first_waiting() const;
  std::int64_t backlog() const;
  struct Share {
    double ns = 0;           // at most, but for `least` rows
    std::int64_t least = 0;  // rows
    std::int64_t most = 0;   // rows
  };
  void grant(std::int32_t i, const Share& share);
  std::int64_t checkable(std::int32_t i);

  const QueueSnapshot& queue_;
  const Budget& budget_;
  Plan& plan_;
  std::int64_t available_;  // pages
  std::int64_t n_running_ = 0;
  std::int64_t n_keys_running_ = 0;  // that the running ones attend to when all decode
  std::int64_t rows_left_ = 0;
  std::int64_t chunk_ = 0;  // rows that this pass has room for, about
  double time_left_ = 0;
  double target_ns_ = 0;
};

bool Planner::is_before(std::int32_t a, std::int32_t b) const {
  const SequenceView &x = view(a), &y = view(b);
  if (level(x) != level(y)) return level(x) > level(y);
  const double x_service = plan_.scratch.service[static_cast<std::size_t>(x.client)];
  const double y_service = plan_.scratch.service[static_cast<std::size_t>(y.client)];
  if (x.client != y.client && x_service != y_service) return x_service < y_service;
  constexpr auto kNever = std::numeric_limits<std::int64_t>::max();
  const std::int64_t x_deadline = x.deadline_ns > 0 ? x.deadline_ns : kNever;
  const std::int64_t y_deadline = y.deadline_ns > 0 ? y.deadline_ns : kNever;
  if (x_deadline != y_deadline) return x_deadline < y_deadline;
  return x.arrival < y.arrival;
}

// What a sequence should have left until its deadline.
double Planner::needed_ns(const SequenceView& v) const {
  if (!budget_.time->is_learned()) return 0;
  const double decode_ns = static_cast<double>(v.n_expected) * budget_.token_ns;
  if (v.is_running) return kNeededRunning * decode_ns;
  StepShape shape;
  shape.add_prefill(v.n_computed, v.n_pending());
  return kNeededWaiting * (decode_ns + budget_.time->predict_ns(shape));
}

// What can't be done in time would waste the time of those that can.
void Planner::expire() {
  for (std::int32_t i = 0; i < size(); ++i) {
    const SequenceView& v = view(i);
    if (v.deadline_ns == 0) continue;
    if (static_cast<double>(v.deadline_ns - queue_.now_ns) > needed_ns(v)) continue;
    plan_.expired.push_back(i);
    set_out(i);
    if (v.is_running) available_ += v.n_own_pages;
  }
}

void Planner::preempt(std::int32_t i) {
  plan_.preempted.push_back(i);
  set_out(i);
  available_ += view(i).n_own_pages;
  --n_running_;
  n_keys_running_ -= view(i).n_tokens;
}

template <class F>
std::int32_t Planner::victim(F may) const {
  std::int32_t last = -1;
  for (std::int32_t i = 0; i < size(); ++i) {
    if (!runs(i) || !may(view(i))) continue;
    if (last < 0 || level(view(i)) < level(view(last)) ||
        (level(view(i)) == level(view(last)) && view(i).arrival > view(last).arrival)) {
      last = i;
    }
  }
  return last;
}

// Every decoding sequence gets its row. When pages for those that begin a new one are short, others
// give theirs back, the last to arrive first; the first to arrive always goes on.
void Planner::decode() {
  for (std::int32_t i = 0; i < size(); ++i) {
    n_running_ += runs(i);
    n_keys_running_ += runs(i) ? view(i).n_tokens : 0;
  }
  const auto n_needed = [&] {
    std::int64_t n = 0;
    for (std::int32_t i = 0; i < size(); ++i) {
      n += decodes(i) && view(i).n_pages * kKvPageTokens < view(i).n_tokens;
    }
    return n;
  };
  std::int64_t needed = n_needed();
  while (needed > available_ && n_running_ > 1) {
    preempt(victim([](const SequenceView&) { return true; }));
    needed = n_needed();
  }
  available_ -= needed;
  rows_left_ = budget_.max_rows;
  for (std::int32_t i = 0; i < size(); ++i) {
    if (!decodes(i)) continue;
    plan_.runs.push_back({i, 1});
    plan_.shape.add_decode(view(i).n_computed);
    --rows_left_;
  }
  const double whole =
      plan_.runs.empty() ? kAloneTargets * target_ns_ : target_ns_ / budget_.time->tail();
  time_left_ = whole - budget_.time->predict_ns(plan_.shape);
  chunk_ = std::clamp(budget_.time->rows_within(time_left_, 0), kLeastChunk, budget_.max_rows);
}

std::int32_t Planner::first_waiting() const {
  std::int32_t first = -1;
  for (std::int32_t i = 0; i < size(); ++i) {
    if (view(i).is_running || view(i).is_deferred || is_out(i)) continue;
    if (first < 0 || is_before(i, first)) first = i;
  }
  return first;
}

// Rows that are ahead of who is admitted next.
std::int64_t Planner::backlog() const {
  std::int64_t rows = 0;
  const std::int64_t most = std::max<std::int64_t>(chunk_ / kPartOfChunk, 1);
  for (const std::int32_t i : plan_.scratch.prefilling) {
    rows += std::min(view(i).n_pending(), most);
  }
  return rows;
}

// Whether `i` can be admitted, by pre-empting what has a lower priority if need be.
bool Planner::make_room_for(std::int32_t i) {
  const SequenceView& v = view(i);
  const std::int64_t n_pages = pages_for(v.n_tokens) - v.n_pages;
  for (;;) {
    const StepShape all{
        .n_decode = n_running_ + 1, .n_prefill = 0, .n_keys = n_keys_running_ + v.n_tokens};
    const bool in_time =
        n_running_ == 0 || budget_.time->predict_ns(all) <= kDecodeShare * target_ns_;
    // Those that run are going to need a page each some time soon.
    const bool fits = n_pages + n_running_ <= available_;
    if (in_time && fits && n_running_ < budget_.max_running) {
      available_ -= n_pages;
      return true;
    }
    const std::int32_t loser = victim([&](const SequenceView& running) {
      return running.priority < v.priority && level(running) < level(v);
    });
    if (loser < 0) {
      if (!fits) plan_.short_of_pages = i;
      return false;
    }
    preempt(loser);
  }
}

void Planner::admit() {
  auto& prefilling = plan_.scratch.prefilling;
  for (std::int32_t i = 0; i < size(); ++i) {
    if (runs(i) && !decodes(i)) prefilling.push_back(i);
  }
  while (backlog() < kChunksAhead * chunk_) {
    const std::int32_t i = first_waiting();
    if (i < 0 || !make_room_for(i)) break;
    set_out(i);
    prefilling.push_back(i);
    ++n_running_;
    n_keys_running_ += view(i).n_tokens;
    plan_.scratch.service[static_cast<std::size_t>(view(i).client)] +=
        kPromptWeight * static_cast<double>(view(i).n_pending());
  }
  // Who was pre-empted for a later one is among those that decode, or was going to prefill.
  const auto is_preempted = [&](std::int32_t i) { return view(i).is_running && is_out(i); };
  prefilling.erase(std::remove_if(prefilling.begin(), prefilling.end(), is_preempted),
                   prefilling.end());
  const auto is_gone = [&](const Plan::Run& run) { return is_out(run.sequence); };
  plan_.runs.erase(std::remove_if(plan_.runs.begin(), plan_.runs.end(), is_gone), plan_.runs.end());
}

// Guesses of sequence i that there is room for. One page more is taken if there is one: what
// decodes is going to need it.
std::int64_t Planner::checkable(std::int32_t i) {
  const SequenceView& v = view(i);
  std::int64_t n_pages = std::max(v.n_pages, pages_for(v.n_tokens));
  if (pages_for(v.n_tokens + v.n_guessed) > n_pages && available_ > 0) {
    ++n_pages;
    --available_;
  }
  return std::min(v.n_guessed, n_pages * kKvPageTokens - v.n_tokens);
}

void Planner::draft() {
  if (budget_.row_times == nullptr) return;
  const auto n_plain = static_cast<std::int64_t>(plan_.runs.size());
  auto& offers = plan_.scratch.offers;
  for (const Plan::Run& run : plan_.runs) {
    const SequenceView& v = view(run.sequence);
    if (v.n_guessed == 0) continue;
    offers.push_back({.sequence = run.sequence,
                      .n_guessed = checkable(run.sequence),
                      .accept_rate = v.accept_rate});
  }
  if (offers.empty()) return;
  const std::int64_t most = std::min(kMostDraftRows, rows_left_);
  if (plan_.scratch.prefilling.empty()) {
    plan_.promised = choose_draft_rows(
        *budget_.row_times, {.n_plain = n_plain, .most_rows = most, .most_ns = target_ns_}, offers);
  } else {
    const StepShape row{.n_decode = 1, .n_prefill = 0, .n_keys = 0};
    const double row_ns = budget_.time->predict_ns(row) - budget_.time->predict_ns({});
    const double in_time = kDraftShare * std::max(time_left_, 0.0) / std::max(row_ns, 1.0);
    choose_likely_rows(kLikely, std::min(most, static_cast<std::int64_t>(in_time)), offers);
  }
  const double before_ns = budget_.time->predict_ns(plan_.shape);
  for (const DraftOffer& offer : offers) {
    std::find_if(plan_.runs.begin(), plan_.runs.end(), [&](const Plan::Run& run) {
      return run.sequence == offer.sequence;
    })->n_drafted = offer.n_rows;
    rows_left_ -= offer.n_rows;
    for (std::int64_t n = 0; n < offer.n_rows; ++n) {
      plan_.shape.add_decode(view(offer.sequence).n_tokens + n);
    }
  }
  time_left_ -= budget_.time->predict_ns(plan_.shape) - before_ns;
}

// More rows for sequence i.
void Planner::grant(std::int32_t i, const Share& share) {
  const SequenceView& v = view(i);
  auto run = std::find_if(plan_.runs.begin(), plan_.runs.end(),
                          [&](const Plan::Run& r) { return r.sequence == i; });
  const std::int64_t had = run == plan_.runs.end() ? 0 : run->n_rows;
  const std::int64_t position = v.n_computed + had;
  const std::int64_t in_time =
      std::min(share.most, std::max(share.least, budget_.time->rows_within(share.ns, position)));
  const std::int64_t rows = std::min({v.n_pending() - had, v.max_rows - had, rows_left_, in_time});
  if (rows <= 0) return;
  StepShape added;
  added.add_prefill(position, rows);
  time_left_ -= budget_.time->predict_ns(added) - budget_.time->predict_ns({});
  plan_.shape.add_prefill(position, rows);
  rows_left_ -= rows;
  if (run == plan_.runs.end()) {
    plan_.runs.push_back({i, rows});
  } else {
    run->n_rows += rows;
  }
}

void Planner::prefill() {
  auto& line = plan_.scratch.prefilling;
  if (line.empty()) return;
  const auto first = std::min_element(
      line.begin(), line.end(), [&](std::int32_t a, std::int32_t b) { return is_before(a, b); });
  std::iter_swap(line.begin(), first);
  std::sort(line.begin() + 1, line.end(), [&](std::int32_t a, std::int32_t b) {
    const std::int64_t x = view(a).n_pending(), y = view(b).n_pending();
    return x != y ? x < y : view(a).arrival < view(b).arrival;
  });
  const std::int64_t n_shares = line.size() == 1 ? 1 : 2;
  grant(line.front(), {.ns = time_left_ / static_cast<double>(n_shares),
                       .least = kLeastChunk,
                       .most = (rows_left_ + 1) / n_shares});
  for (auto other = line.begin() + 1; other != line.end(); ++other) {
    grant(*other, {.ns = time_left_, .most = rows_left_});
  }
  grant(line.front(), {.ns = time_left_, .most = rows_left_});
}

}  // namespace

void make_plan(const QueueSnapshot& queue, const Budget& budget, Plan& plan) {
  Planner planner(queue, budget, plan);
  planner.expire();
  planner.decode();
  planner.admit();
  planner.draft();
  planner.prefill();
}

}  // namespace slip
