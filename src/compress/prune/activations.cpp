#include "compress/prune/activations.h"

#include <array>
#include <cmath>
#include <unordered_map>

#include "compress/text_pass.h"
#include "model/cpu_runner.h"
#include "model/source.h"
#include "ops/project.h"

namespace slip {
namespace {

// Weights smaller than this hide the column of the stream behind them.
constexpr float kLeastNormWeight = 1e-4f;

class Collector final : public InputObserver {
 public:
  Collector(const ModelWeights& weights, const ActivationOptions& options, ThreadPool& pool)
      : weights_(weights), pool_(pool) {
    const ModelConfig& config = weights.source->config();
    for (int i = 0; i < config.n_layers(); ++i) {
      const LayerWeights& w = weights.layers[static_cast<std::size_t>(i)];
      const LayerRecipe& recipe = config.layers[static_cast<std::size_t>(i)];
      const auto width = static_cast<std::size_t>(config.d_model);
      const auto d_ff = static_cast<std::size_t>(recipe.d_ff);
      LayerActivations& layer = layers_.emplace_back();
      layer.qkv.resize(width);
      layer.gate_up.resize(width);
      layer.o.resize(static_cast<std::size_t>(recipe.n_heads * recipe.head_dim));
      layer.down.resize(d_ff);
      if (i >= options.first_products && i < options.last_products) {
        layer.down_products.resize(d_ff * d_ff);
      }
      at_[&w.q.matrix()] = {i, Place::kQkv};
      at_[&w.o.matrix()] = {i, Place::kO};
      at_[&w.gate.matrix()] = {i, Place::kGateUp};
      at_[&w.down.matrix()] = {i, Place::kDown};
    }
  }

  void on_input(const Rows& x, std::span<const ProjectJob> jobs) override {
    const auto found = at_.find(jobs.front().weight);
    if (found == at_.end()) return;  // the output matrix
    const auto [index, place] = found->second;
    LayerActivations& layer = layers_[static_cast<std::size_t>(index)];
    switch (place) {
      case Place::kQkv:
        compare_streams(x, index, weights_.layers[static_cast<std::size_t>(index)].attn_norm);
        return add_squares(x, layer.qkv);
      case Place::kO:
        return add_squares(x, layer.o);
      case Place::kGateUp:
        return add_squares(x, layer.gate_up);
      case Place::kDown:
        if (!layer.down_products.empty()) add_products(x, layer.down_products);
        return add_squares(x, layer.down);
    }
  }

  // The stream behind the last layer, after the norm.
  void on_output(const Rows& x) {
    compare_streams(x, static_cast<int>(layers_.size()), weights_.output_norm);
    n_tokens_ += x.n_rows;
  }

  std::vector<LayerActivations> take() {
    for (LayerActivations& layer : layers_) {
      layer.influence = 1 - layer.influence / static_cast<double>(n_tokens_);
    }
    return std::move(layers_);
  }

 private:
  enum class Place { kQkv, kO, kGateUp, kDown };

  // A norm keeps the stream's direction but for its weights, and cosines ask for no more.
  void compare_streams(const Rows& x, int index, const std::vector<float>& norm) {
    const std::size_t width = norm.size();
    const float offset = weights_.source->config().norm_weight_offset;
    std::vector<float> stream(static_cast<std::size_t>(x.n_rows) * width);
    for (std::int64_t r = 0; r < x.n_rows; ++r) {
      float* out = stream.data() + static_cast<std::size_t>(r) * width;
      for (std::size_t j = 0; j < width; ++j) {
        const float weight = norm[j] + offset;
        out[j] = std::fabs(weight) < kLeastNormWeight ? 0.0f : x.row(r)[j] / weight;
      }
      if (index > 0) {
        layers_[static_cast<std::size_t>(index) - 1].influence +=
            cosine(out, stream_.data() + static_cast<std::size_t>(r) * width, width);
      }
    }
    stream_ = std::move(stream);
  }

  static double cosine(const float* a, const float* b, std::size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < n; ++i) {
      ab += double{a[i]} * double{b[i]};
      aa += double{a[i]} * double{a[i]};
      bb += double{b[i]} * double{b[i]};
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 1.0;
  }

  void add_squares(const Rows& x, std::vector<double>& sums) {
    pool_.parallel_for(static_cast<std::int64_t>(sums.size()), 64,
                       [&](std::int64_t begin, std::int64_t end, int) {
                         for (std::int64_t r = 0; r < x.n_rows; ++r) {
                           const float* row = x.row(r);
                           for (std::int64_t j = begin; j < end; ++j) {
                             sums[static_cast<std::size_t>(j)] += double{row[j]} * double{row[j]};
                           }
                         }
                       });
  }

  void add_products(const Rows& x, std::vector<float>& products) {
    const std::int64_t n = std::llround(std::sqrt(static_cast<double>(products.size())));
    pool_.parallel_for(n, 8, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* out = products.data() + i * n;
        std::int64_t r = 0;
        for (; r + 4 <= x.n_rows; r += 4) {
          add_four_rows({x.row(r), x.row(r + 1), x.row(r + 2), x.row(r + 3)}, i, out);
        }
        for (; r < x.n_rows; ++r) {
          for (std::int64_t j = 0; j <= i; ++j) out[j] += x.row(r)[i] * x.row(r)[j];
        }
      }
    });
  }

  // Four at a time, so that sums are loaded and stored less often.
  static void add_four_rows(const std::array<const float*, 4>& rows, std::int64_t i, float* out) {
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    const float ai = a[i], bi = b[i], ci = c[i], di = d[i];
    for (std::int64_t j = 0; j <= i; ++j) {
      out[j] += (ai * a[j] + bi * b[j]) + (ci * c[j] + di * d[j]);
    }
  }

  const ModelWeights& weights_;
  ThreadPool& pool_;
  std::vector<LayerActivations> layers_;
  struct At {
    int layer;
    Place place;
  };
  std::unordered_map<const WeightMatrix*, At> at_;
  std::vector<float> stream_;  // before the layer that ran last, [n_rows][d_model] without lengths
  std::int64_t n_tokens_ = 0;
};

}  // namespace

Result<std::vector<LayerActivations>> measure_activations(const std::filesystem::path& model,
                                                          std::string_view text,
                                                          const ActivationOptions& options,
                                                          ThreadPool& pool) {
  const std::shared_ptr<const ModelSource> source = SLIP_TRY(open_model(model));
  const auto tokenizer = SLIP_TRY(source->make_tokenizer());
  const std::vector<std::int32_t> tokens =
      SLIP_TRY(window_tokens(*tokenizer, text, options.window, options.max_windows));
  const auto weights = SLIP_TRY(ModelWeights::load(source, {}, pool));
  Collector collector(*weights, options, pool);
  CpuRunnerOptions runner_options{.n_ctx = options.window, .max_rows = options.window, .kv = {}};
  runner_options.observer = &collector;
  const auto runner = SLIP_TRY(make_cpu_runner(weights, pool, runner_options));
  const auto size = static_cast<std::size_t>(options.window);
  for (std::size_t at = 0; at < tokens.size(); at += size) {
    SLIP_TRY(read_window(*runner, std::span(tokens).subspan(at, size), options.cancel,
                         [&](const Rows& states) { collector.on_output(states); }));
  }
  return collector.take();
}

}  // namespace slip
