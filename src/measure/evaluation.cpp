#include "measure/evaluation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "measure/statistics.h"

namespace slip {
namespace {

// log Σ exp(logit), and where the largest is.
struct LogNorm {
  double value = 0;
  std::size_t top = 0;
};

LogNorm log_norm(std::span<const float> logits) {
  const auto top = std::max_element(logits.begin(), logits.end());
  const auto peak = static_cast<double>(*top);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - peak);
  return {.value = peak + std::log(sum), .top = static_cast<std::size_t>(top - logits.begin())};
}

class Evaluation {
 public:
  Evaluation(WindowRunner model, BaseLogits* base, ThreadPool& pool)
      : model_(std::move(model)), base_(base), pool_(pool) {}

  Result<> add_window(std::int64_t idx, const Windows& windows) {
    const auto window = windows.window(idx);
    SLIP_TRY(model_.skip(window, windows.begin()));
    std::int64_t step = std::min(kRowsAtOnce, model_.max_rows());
    if (base_ != nullptr) {
      SLIP_TRY(base_->open_window(idx, window));
      step = std::min(step, base_->max_rows());
    }
    for (std::int64_t begin = windows.begin(); begin < windows.end(); begin += step) {
      SLIP_TRY(add_rows(window, begin, std::min(begin + step, windows.end())));
    }
    return {};
  }

  double perplexity() const { return std::exp(nll_.mean()); }
  EvalResult result(const Windows& windows) const;

 private:
  Result<> add_rows(std::span<const std::int32_t> window, std::int64_t begin, std::int64_t end) {
    const auto logits = SLIP_TRY(model_.logits(window, begin, end));
    BaseRows base;
    if (base_ != nullptr) base = SLIP_TRY(base_->rows(begin, end));
    const auto n_vocab = static_cast<std::size_t>(model_.n_vocab());
    std::vector<PositionScore> scores(static_cast<std::size_t>(end - begin));
    pool_.parallel_for(end - begin, 1, [&](std::int64_t from, std::int64_t to, int) {
      for (std::int64_t r = from; r < to; ++r) {
        const auto i = static_cast<std::size_t>(r);
        const auto row = [&](std::span<const float> all) {
          return all.empty() ? all : all.subspan(i * n_vocab, n_vocab);
        };
        scores[i] = score_position(row(logits), row(base.logits),
                                   window[static_cast<std::size_t>(begin) + i + 1]);
        if (!base.nlls.empty()) scores[i].base_nll = base.nlls[i];
      }
    });
    for (const PositionScore& score : scores) {
      nll_.add(score.nll);
      if (base_ == nullptr) continue;
      base_nll_.add(score.base_nll);
      kl_.add(score.kl);
      kls_.push_back(score.kl);
      same_tops_.push_back(score.same_top ? 1 : 0);
      nll_differences_.push_back(score.nll - score.base_nll);
    }
    return {};
  }

  WindowRunner model_;
  BaseLogits* base_;
  ThreadPool& pool_;
  RunningMean nll_, base_nll_, kl_;
  std::vector<double> kls_, same_tops_, nll_differences_;  // by position
};

// Of the values' mean, by the means of blocks of `block` of them.
std::optional<Interval> interval_by_blocks(std::span<const double> values, std::int64_t block) {
  std::vector<double> means;
  const auto size = static_cast<std::size_t>(block);
  for (std::size_t at = 0; at < values.size(); at += size) {
    const auto part = values.subspan(at, size);
    means.push_back(std::accumulate(part.begin(), part.end(), 0.0) / static_cast<double>(block));
  }
  return mean_interval(means);
}

EvalResult Evaluation::result(const Windows& windows) const {
  EvalResult result{.perplexity = perplexity(),
                    // To first order: d exp(x) = exp(x) dx.
                    .perplexity_stderr = perplexity() * nll_.standard_error(),
                    .n_tokens = static_cast<std::int64_t>(nll_.count()),
                    .n_windows = windows.count(),
                    .divergence = {}};
  if (base_ == nullptr) return result;
  const std::int64_t block = windows.end() - windows.begin();
  Divergence d{.mean = kl_.mean(),
               .mean_stderr = kl_.standard_error(),
               .mean_interval = interval_by_blocks(kls_, block),
               .p99 = percentile(kls_, 0.99),
               .p99_interval = percentile_interval(kls_, block, 0.99),
               .max = percentile(kls_, 1),
               .top1_agreement = std::accumulate(same_tops_.begin(), same_tops_.end(), 0.0) /
                                 static_cast<double>(same_tops_.size()),
               .top1_interval = interval_by_blocks(same_tops_, block),
               .base_perplexity = std::exp(base_nll_.mean()),
               .ratio_interval = interval_by_blocks(nll_differences_, block)};
  // A divergence and a share have bounds of their own.
  if (d.mean_interval) d.mean_interval->low = std::max(0.0, d.mean_interval->low);
  if (d.top1_interval) {
    d.top1_interval = Interval{.low = std::max(0.0, d.top1_interval->low),
                               .high = std::min(1.0, d.top1_interval->high)};
  }
  if (d.ratio_interval) {
    d.ratio_interval =
        Interval{.low = std::exp(d.ratio_interval->low), .high = std::exp(d.ratio_interval->high)};
  }
  result.divergence = d;
  return result;
}

}  // namespace

PositionScore score_position(std::span<const float> logits, std::span<const float> base,
                             std::int32_t next_token) {
  const auto next = static_cast<std::size_t>(next_token);
  const LogNorm norm = log_norm(logits);
  PositionScore score{.nll = norm.value - static_cast<double>(logits[next])};
  if (base.empty()) return score;
  const LogNorm base_norm = log_norm(base);
  score.base_nll = base_norm.value - static_cast<double>(base[next]);
  score.same_top = norm.top == base_norm.top;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double log_p_base = static_cast<double>(base[i]) - base_norm.value;
    const double log_p = static_cast<double>(logits[i]) - norm.value;
    score.kl += std::exp(log_p_base) * (log_p_base - log_p);
  }
  return score;
}

Result<EvalResult> evaluate(ModelRunner& model, BaseLogits* base, ThreadPool& pool,
                            const Windows& windows, const EvalOptions& options) {
  WindowRunner runner(model, options.cancel);
  SLIP_TRY(check_window(windows, runner.n_ctx()));
  if (base != nullptr) {
    SLIP_TRY(check_window(windows, base->n_ctx()));
    if (base->n_vocab() != runner.n_vocab()) {
      return invalid("base model: expected a vocabulary of {} tokens, got {}", runner.n_vocab(),
                     base->n_vocab());
    }
  }
  Evaluation evaluation(std::move(runner), base, pool);
  for (std::int64_t i = 0; i < windows.count(); ++i) {
    SLIP_TRY(evaluation.add_window(i, windows));
    if (options.on_window) options.on_window(i + 1, windows.count(), evaluation.perplexity());
  }
  return evaluation.result(windows);
}

}  // namespace slip
