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

// Runs windows on one model, each from an empty cache.
class WindowRunner {
 public:
  WindowRunner(ModelRunner& runner, const std::atomic<bool>* cancel)
      : runner_(runner), cancel_(cancel), pages_(static_cast<std::size_t>(runner.kv().n_pages())) {
    std::iota(pages_.begin(), pages_.end(), 0);
  }

  // Logits [end - begin][n_vocab] of the positions begin … end-1. The positions before `begin`
  // must have run.
  Result<std::span<const float>> run(std::span<const std::int32_t> tokens, std::int64_t begin,
                                     std::int64_t end, RowOutput output) {
    rows_.clear();
    for (std::int64_t i = begin; i < end; ++i) {
      rows_.push_back({.token = tokens[static_cast<std::size_t>(i)],
                       .position = static_cast<std::int32_t>(i),
                       .sequence = 0,
                       .output = output});
    }
    const std::span<const std::int32_t> page_table[] = {pages_};
    return SLIP_TRY(runner_.run({.rows = rows_, .page_tables = page_table, .cancel = cancel_}))
        .logits;
  }

  Result<> skip(std::span<const std::int32_t> tokens, std::int64_t end) {
    for (std::int64_t begin = 0; begin < end; begin += runner_.max_rows()) {
      const std::int64_t stop = std::min(end, begin + runner_.max_rows());
      SLIP_TRY(run(tokens, begin, stop, RowOutput::kNone));
    }
    return {};
  }

  std::int64_t n_vocab() const { return runner_.config().n_vocab; }
  std::int64_t max_rows() const { return runner_.max_rows(); }
  std::int64_t n_ctx() const { return runner_.n_ctx(); }

 private:
  ModelRunner& runner_;
  const std::atomic<bool>* cancel_;
  std::vector<std::int32_t> pages_;
  std::vector<BatchRow> rows_;
};

class Evaluation {
 public:
  Evaluation(WindowRunner model, std::optional<WindowRunner> base, ThreadPool& pool)
      : model_(std::move(model)), base_(std::move(base)), pool_(pool) {}

  Result<> add_window(std::span<const std::int32_t> window) {
    const auto size = static_cast<std::int64_t>(window.size());
    const std::int64_t first = size / 2, last = size - 1;
    SLIP_TRY(model_.skip(window, first));
    if (base_) SLIP_TRY(base_->skip(window, first));
    // Rows of logits are large (1 MB each with 256k tokens): some at a time.
    constexpr std::int64_t kRows = 64;
    std::int64_t step = std::min(kRows, model_.max_rows());
    if (base_) step = std::min(step, base_->max_rows());
    for (std::int64_t begin = first; begin < last; begin += step) {
      SLIP_TRY(add_rows(window, begin, std::min(begin + step, last)));
    }
    return {};
  }

  double perplexity() const { return std::exp(nll_.mean()); }
  EvalResult result(std::int64_t n_windows) const;

 private:
  Result<> add_rows(std::span<const std::int32_t> window, std::int64_t begin, std::int64_t end) {
    const auto logits = SLIP_TRY(model_.run(window, begin, end, RowOutput::kLogits));
    std::span<const float> base;
    if (base_) base = SLIP_TRY(base_->run(window, begin, end, RowOutput::kLogits));
    const auto n_vocab = static_cast<std::size_t>(model_.n_vocab());
    std::vector<PositionScore> scores(static_cast<std::size_t>(end - begin));
    pool_.parallel_for(end - begin, 1, [&](std::int64_t from, std::int64_t to, int) {
      for (std::int64_t r = from; r < to; ++r) {
        const auto i = static_cast<std::size_t>(r);
        const auto row = [&](std::span<const float> all) {
          return all.empty() ? all : all.subspan(i * n_vocab, n_vocab);
        };
        scores[i] =
            score_position(row(logits), row(base), window[static_cast<std::size_t>(begin) + i + 1]);
      }
    });
    for (const PositionScore& score : scores) {
      nll_.add(score.nll);
      if (!base_) continue;
      base_nll_.add(score.base_nll);
      kl_.add(score.kl);
      kls_.push_back(score.kl);
      n_same_top_ += score.same_top ? 1 : 0;
    }
    return {};
  }

  WindowRunner model_;
  std::optional<WindowRunner> base_;
  ThreadPool& pool_;
  RunningMean nll_, base_nll_, kl_;
  std::vector<double> kls_;
  std::int64_t n_same_top_ = 0;
};

EvalResult Evaluation::result(std::int64_t n_windows) const {
  EvalResult result{.perplexity = perplexity(),
                    // To first order: d exp(x) = exp(x) dx.
                    .perplexity_stderr = perplexity() * nll_.standard_error(),
                    .n_tokens = static_cast<std::int64_t>(nll_.count()),
                    .n_windows = n_windows,
                    .divergence = {}};
  if (base_) {
    result.divergence = Divergence{
        .mean = kl_.mean(),
        .mean_stderr = kl_.standard_error(),
        .p99 = percentile(kls_, 0.99),
        .max = percentile(kls_, 1),
        .top1_agreement = static_cast<double>(n_same_top_) / static_cast<double>(kl_.count()),
        .base_perplexity = std::exp(base_nll_.mean())};
  }
  return result;
}

Result<> check_inputs(const WindowRunner& model, const std::optional<WindowRunner>& base,
                      std::size_t n_tokens, const EvalOptions& options) {
  if (options.window < 4)
    return invalid("window: expected at least 4 tokens, got {}", options.window);
  if (options.window > model.n_ctx() || (base && options.window > base->n_ctx())) {
    return invalid("window: expected at most the context of {} tokens, got {}", model.n_ctx(),
                   options.window);
  }
  if (base && base->n_vocab() != model.n_vocab()) {
    return invalid("base model: expected a vocabulary of {} tokens, got {}", model.n_vocab(),
                   base->n_vocab());
  }
  if (static_cast<std::int64_t>(n_tokens) < options.window) {
    return invalid("text: expected at least one window of {} tokens, got {} tokens", options.window,
                   n_tokens);
  }
  return {};
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

Result<EvalResult> evaluate(ModelRunner& model, ModelRunner* base, ThreadPool& pool,
                            std::span<const std::int32_t> tokens, const EvalOptions& options) {
  WindowRunner model_windows(model, options.cancel);
  std::optional<WindowRunner> base_windows;
  if (base != nullptr) base_windows.emplace(*base, options.cancel);
  SLIP_TRY(check_inputs(model_windows, base_windows, tokens.size(), options));

  std::int64_t n_windows = static_cast<std::int64_t>(tokens.size()) / options.window;
  if (options.max_windows >= 0) n_windows = std::min(n_windows, options.max_windows);
  if (n_windows == 0) return invalid("windows: expected at least one");
  Evaluation evaluation(std::move(model_windows), std::move(base_windows), pool);
  const auto size = static_cast<std::size_t>(options.window);
  for (std::int64_t i = 0; i < n_windows; ++i) {
    const auto part = tokens.subspan(static_cast<std::size_t>(i) * size, size);
    std::vector<std::int32_t> window(part.begin(), part.end());
    if (options.bos >= 0) window[0] = options.bos;
    SLIP_TRY(evaluation.add_window(window));
    if (options.on_window) options.on_window(i + 1, n_windows, evaluation.perplexity());
  }
  return evaluation.result(n_windows);
}

}  // namespace slip
