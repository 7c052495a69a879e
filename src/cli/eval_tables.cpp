#include "cli/eval_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "measure/statistics.h"
#include "text/json_writer.h"

namespace slip {
namespace {

void write_interval(JsonWriter& json, const char* key, const std::optional<Interval>& interval) {
  json.key(key);
  if (!interval) {
    json.null();
    return;
  }
  json.begin_array().number(interval->low).number(interval->high).end_array();
}

void write_divergence(JsonWriter& json, const EvalResult& result) {
  const Divergence& d = *result.divergence;
  json.key("kl").begin_object().key("mean").number(d.mean).key("stderr").number(d.mean_stderr);
  write_interval(json, "mean_interval", d.mean_interval);
  json.key("p99").number(d.p99);
  write_interval(json, "p99_interval", d.p99_interval);
  json.key("max").number(d.max).end_object();
  json.key("top1_agreement").fixed(d.top1_agreement, 6);
  write_interval(json, "top1_interval", d.top1_interval);
  json.key("base_perplexity").fixed(d.base_perplexity, 6);
  json.key("delta_ppl").fixed(result.perplexity - d.base_perplexity, 6);
  write_interval(json, "ppl_ratio_interval", d.ratio_interval);
}

// The kinds of tasks that there were.
struct NamedAccuracy {
  const char* key;
  const char* name;
  const Accuracy* accuracy;
};
std::vector<NamedAccuracy> accuracies(const TaskResult& result) {
  std::vector<NamedAccuracy> all;
  if (result.choice.n > 0) {
    all.push_back({"choice", "choice", &result.choice});
    all.push_back({"choice_normalised", "choice, by length", &result.choice_normalised});
  }
  if (result.exact_match.n > 0) all.push_back({"exact_match", "exact match", &result.exact_match});
  return all;
}

void write_tasks(JsonWriter& json, const TaskResult& result) {
  json.key("tasks").begin_object();
  for (const auto& [key, name, accuracy] : accuracies(result)) {
    json.key(key).begin_object().key("accuracy").fixed(accuracy->share(), 6);
    json.key("stderr").fixed(accuracy->standard_error(), 6);
    write_interval(json, "interval", accuracy->interval());
    json.key("n_right").integer(accuracy->n_right).key("n").integer(accuracy->n).end_object();
  }
  json.end_object();
}

void write_model(JsonWriter& json, const ModelEvaluation& model) {
  json.begin_object().key("model").string(model.model);
  json.key("file_bytes").integer(model.file_bytes);
  json.key("bits_per_weight").fixed(model.bits_per_weight, 4);
  if (model.text) {
    const EvalResult& result = *model.text;
    json.key("perplexity").fixed(result.perplexity, 6);
    json.key("perplexity_stderr").fixed(result.perplexity_stderr, 6);
    json.key("n_tokens").integer(result.n_tokens).key("n_windows").integer(result.n_windows);
    if (result.divergence) write_divergence(json, result);
  }
  if (model.tasks) write_tasks(json, *model.tasks);
  if (!model.tokens_per_s.empty()) {
    json.key("decode_tokens_per_s").begin_object();
    json.key("median").fixed(median(model.tokens_per_s), 3);
    json.key("min").fixed(percentile(model.tokens_per_s, 0), 3);
    json.key("max").fixed(percentile(model.tokens_per_s, 1), 3).end_object();
  }
  json.end_object();
}

// " (0.0123 … 0.0130)"; nothing without an interval.
std::string between(const std::optional<Interval>& interval, int digits, double scale = 1) {
  if (!interval) return "";
  return fmt::format(" ({:.{}f} … {:.{}f})", scale * interval->low, digits, scale * interval->high,
                     digits);
}

std::string divergence_text(const EvalResult& result) {
  const Divergence& d = *result.divergence;
  const double delta = result.perplexity - d.base_perplexity;
  std::string text = fmt::format("base perplexity   {:.4f} (difference {:+.4f}, {:+.3f} %",
                                 d.base_perplexity, delta, 100 * delta / d.base_perplexity);
  if (d.ratio_interval) {
    text += fmt::format("; {:+.3f} … {:+.3f} %", 100 * (d.ratio_interval->low - 1),
                        100 * (d.ratio_interval->high - 1));
  }
  text += fmt::format(")\nKL from the base  mean {:.6f}{}, 99 % {:.6f}{}, largest {:.6f}\n", d.mean,
                      between(d.mean_interval, 6), d.p99, between(d.p99_interval, 6), d.max);
  return text + fmt::format("same first choice {:.3f} %{}\n", 100 * d.top1_agreement,
                            between(d.top1_interval, 3, 100));
}

std::string model_text(const ModelEvaluation& model) {
  std::string text;
  if (model.text) {
    const EvalResult& result = *model.text;
    text +=
        fmt::format("perplexity        {:.4f} ± {:.4f} ({} tokens in {} windows)\n",
                    result.perplexity, result.perplexity_stderr, result.n_tokens, result.n_windows);
    if (result.divergence) text += divergence_text(result);
  }
  if (model.tasks) {
    for (const auto& [key, name, accuracy] : accuracies(*model.tasks)) {
      text += fmt::format("{:<17} {:.2f} % ± {:.2f} ({:.2f} … {:.2f}; {} of {})\n", name,
                          100 * accuracy->share(), 100 * accuracy->standard_error(),
                          100 * accuracy->interval().low, 100 * accuracy->interval().high,
                          accuracy->n_right, accuracy->n);
    }
  }
  text += fmt::format("size              {} bytes, {:.3f} bits a weight\n", model.file_bytes,
                      model.bits_per_weight);
  if (!model.tokens_per_s.empty()) {
    text += fmt::format("decode speed      {:.2f} tokens/s ({:.2f} … {:.2f})\n",
                        median(model.tokens_per_s), percentile(model.tokens_per_s, 0),
                        percentile(model.tokens_per_s, 1));
  }
  return text;
}

std::string name_of(const ModelEvaluation& model) {
  const std::filesystem::path path(model.model);
  return path.has_filename() ? path.filename().string() : model.model;
}

std::string row(const ModelEvaluation& m, std::size_t name_width) {
  std::string text = fmt::format("{:<{}} {:>9.1f} {:>6.3f}", name_of(m), name_width,
                                 static_cast<double>(m.file_bytes) / 1e6, m.bits_per_weight);
  if (m.text) {
    const EvalResult& result = *m.text;
    text += fmt::format(
        " {:>20}", fmt::format("{:.4f} ± {:.4f}", result.perplexity, result.perplexity_stderr));
    if (result.divergence) {
      const Divergence& d = *result.divergence;
      text += fmt::format(
          " {:>31} {:>9.5f} {:>9.5f} {:>25}",
          fmt::format("{:.6f}{}", d.mean, between(d.mean_interval, 6)), d.p99, d.max,
          fmt::format("{:.3f}{}", 100 * d.top1_agreement, between(d.top1_interval, 3, 100)));
    }
  }
  if (m.tasks) {
    for (const NamedAccuracy& named : accuracies(*m.tasks)) {
      text += fmt::format(" {:>25}", fmt::format("{:.2f}{}", 100 * named.accuracy->share(),
                                                 between(named.accuracy->interval(), 2, 100)));
    }
  }
  if (!m.tokens_per_s.empty()) text += fmt::format(" {:>9.2f}", median(m.tokens_per_s));
  return text + "\n";
}

std::string models_text(const std::vector<ModelEvaluation>& models) {
  const ModelEvaluation& first = models.front();
  std::size_t width = 5;
  for (const ModelEvaluation& model : models) width = std::max(width, name_of(model).size());
  std::string text = fmt::format("{:<{}} {:>9} {:>6}", "model", width, "MB", "bits");
  if (first.text) text += fmt::format(" {:>20}", "perplexity");
  const bool has_base = first.text && first.text->divergence;
  if (has_base) {
    text += fmt::format(" {:>31} {:>9} {:>9} {:>25}", "mean KL", "KL 99 %", "KL max", "same top %");
  }
  if (first.tasks) {
    for (const NamedAccuracy& named : accuracies(*first.tasks)) {
      text += fmt::format(" {:>25}", std::string(named.name) + " %");
    }
  }
  if (!first.tokens_per_s.empty()) text += fmt::format(" {:>9}", "tokens/s");
  text += '\n';
  for (const ModelEvaluation& model : models) text += row(model, width);
  if (first.text) {
    text += fmt::format("{} tokens in {} windows{}\n", first.text->n_tokens, first.text->n_windows,
                        has_base ? fmt::format("; the base's perplexity is {:.4f}",
                                               first.text->divergence->base_perplexity)
                                 : "");
  }
  return text;
}

}  // namespace

std::string eval_text(const std::vector<ModelEvaluation>& models) {
  return models.size() == 1 ? model_text(models.front()) : models_text(models);
}

std::string eval_json(const std::vector<ModelEvaluation>& models) {
  JsonWriter json;
  if (models.size() == 1) {
    write_model(json, models.front());
    return json.take();
  }
  json.begin_object().key("models").begin_array();
  for (const ModelEvaluation& model : models) write_model(json, model);
  return json.end_array().end_object().take();
}

}  // namespace slip
