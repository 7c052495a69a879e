#include "engine/draft_rows.h"

#include <algorithm>
#include <bit>

namespace slip {
namespace {

constexpr std::int64_t kFewSamples = 3;   // of a pass's time, before anything is compared with it
constexpr std::int64_t kPlainEvery = 64;  // passes
constexpr std::int64_t kForgottenIn = 2048;  // passes
constexpr double kPerRow = 0.06;             // a row's share of a pass, while it isn't known
constexpr double kMargin = 1.05;             // what guesses must promise: times are noisy
constexpr double kKept = 1.0 / 16;           // weight of a promise
constexpr double kInterrupted = 1.5;         // times what such a pass takes: it takes no longer
constexpr double kForgiven = 1.0 / 512;      // weight of a pass without one
constexpr double kLeastChance = 0.05;        // of a guess that is worth a thought
constexpr double kNew = 0.2;                 // weight of a guess that was put to the test
constexpr double kTrustInFirst = 2;          // guesses that the expected rate weighs

// 1 … 16, then the quarters of each octave.
std::size_t entry_of(std::int64_t n_rows) {
  if (n_rows <= 16) return static_cast<std::size_t>(std::max<std::int64_t>(n_rows, 1) - 1);
  const auto rows = static_cast<std::uint64_t>(n_rows);
  const int octave = static_cast<int>(std::bit_width(rows)) - 5;  // 16 … 31: 0
  const auto quarter = static_cast<std::size_t>(rows >> (octave + 2)) - 4;
  return std::min<std::size_t>(16 + 4 * static_cast<std::size_t>(octave) + quarter, 47);
}

// The rows that an entry stands for: the first of them.
double rows_of(std::size_t entry) {
  if (entry < 16) return static_cast<double>(entry + 1);
  return static_cast<double>((4 + (entry - 16) % 4) << ((entry - 16) / 4 + 2));
}

void begin(std::span<DraftOffer> offers) {
  for (DraftOffer& offer : offers) {
    offer.n_rows = 0;
    offer.chance = offer.n_guessed > 0 ? offer.accept_rate : 0;
  }
}

DraftOffer* likeliest(std::span<DraftOffer> offers) {
  const auto best = std::max_element(
      offers.begin(), offers.end(),
      [](const DraftOffer& a, const DraftOffer& b) { return a.chance < b.chance; });
  return best == offers.end() || best->chance < kLeastChance ? nullptr : &*best;
}

void take(DraftOffer& offer) {
  ++offer.n_rows;
  offer.chance = offer.n_rows < offer.n_guessed ? offer.chance * offer.accept_rate : 0;
}

}  // namespace

void RowTimes::record(const Pass& pass) {
  ++n_passes_;
  const bool is_plain = pass.n_rows == pass.n_plain;
  n_since_plain_ = is_plain ? 0 : n_since_plain_ + 1;
  Entry& plain = entries_[entry_of(pass.n_plain)];
  if (is_plain) {
    plain.brought += kForgiven * (plain.promised - plain.brought);
  } else if (pass.promised > 0 && pass.n_plain > 0 && pass.ns > 0) {
    // An interruption says nothing about guesses.
    const double usual = of(pass.n_rows);
    const double ns = static_cast<double>(pass.ns);
    const double counted = usual > 0 ? std::min(ns, kInterrupted * usual) : ns;
    const double gain = static_cast<double>(pass.n_given) * of(pass.n_plain) /
                        (static_cast<double>(pass.n_plain) * counted);
    plain.promised += kKept * (pass.promised - plain.promised);
    plain.brought += kKept * (gain - plain.brought);
  }
  Entry& entry = entries_[entry_of(pass.n_rows)];
  entry.ns.add(static_cast<double>(pass.ns));
  entry.last_pass = plain.last_pass = n_passes_;
  for (Entry& e : entries_) {
    if (n_passes_ - e.last_pass > kForgottenIn) e = {};
  }
}

// More rows never take less: of noisy times, the least of as many rows or more counts.
double RowTimes::of(std::int64_t n_rows) const {
  const std::size_t at = entry_of(n_rows);
  double above = 0, rows_above = 0;
  for (std::size_t i = entries_.size(); i-- > at;) {
    const double ns = entries_[i].ns.value();
    if (entries_[i].ns.n() == 0 || (above > 0 && ns > above)) continue;
    above = ns;
    rows_above = rows_of(i);
  }
  if (entries_[at].ns.n() > 0) return above;
  std::size_t i = at;
  while (i > 0 && entries_[i - 1].ns.n() == 0) --i;
  if (i == 0) return above;
  const double below = entries_[i - 1].ns.value(), rows_below = rows_of(i - 1);
  const double more = static_cast<double>(n_rows) - rows_below;
  if (above == 0) return below * (1 + kPerRow * more);
  if (above <= below) return above;
  return below + (above - below) * more / (rows_above - rows_below);
}

double RowTimes::kept(std::int64_t n_plain) const {
  const Entry& plain = entries_[entry_of(n_plain)];
  return std::min(1.0, plain.brought / plain.promised);
}

bool RowTimes::needs_plain(std::int64_t n_rows) const {
  return n_since_plain_ >= kPlainEvery || entries_[entry_of(n_rows)].ns.n() < kFewSamples;
}

void AcceptRate::add(bool was_right) {
  const double weight = std::max(kNew, 1 / (kTrustInFirst + static_cast<double>(++n_tested_)));
  value_ += weight * ((was_right ? 1.0 : 0.0) - value_);
}

double choose_draft_rows(const RowTimes& times, const DraftLimits& limits,
                         std::span<DraftOffer> offers) {
  begin(offers);
  if (times.needs_plain(limits.n_plain)) return 1;
  const double plain_ns = times.of(limits.n_plain);
  double tokens = static_cast<double>(limits.n_plain);
  const double plain = tokens / plain_ns;
  double best = plain * kMargin / times.kept(limits.n_plain);
  std::int64_t n_best = 0;
  for (std::int64_t n = 1; n <= limits.most_rows; ++n) {
    DraftOffer* offer = likeliest(offers);
    if (offer == nullptr) break;
    tokens += offer->chance;
    take(*offer);
    const double ns = std::max(plain_ns, times.of(limits.n_plain + n));
    if (ns > limits.most_ns) break;
    if (tokens / ns <= best) continue;
    best = tokens / ns;
    n_best = n;
  }
  begin(offers);
  if (n_best == 0) return 1;
  for (; n_best > 0; --n_best) take(*likeliest(offers));
  return best / plain;
}

void choose_likely_rows(double least, std::int64_t most_rows, std::span<DraftOffer> offers) {
  begin(offers);
  for (; most_rows > 0; --most_rows) {
    DraftOffer* offer = likeliest(offers);
    if (offer == nullptr || offer->chance < least) return;
    take(*offer);
  }
}

}  // namespace slip
