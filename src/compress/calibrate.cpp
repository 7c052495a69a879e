#include "compress/calibrate.h"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "compress/text_pass.h"
#include "model/cpu_runner.h"
#include "ops/project.h"

namespace slip {
namespace {

// What one input of a layer has been, and the tensors that multiply it.
struct LayerInput {
  std::vector<std::string> tensors;
  InputSums sums;
};

// Columns are split over the threads, never rows: the sums' order is fixed.
class InputCollector final : public InputObserver {
 public:
  InputCollector(const ModelWeights& weights, ThreadPool& pool) : pool_(pool) {
    const ModelSource& source = *weights.source;
    for (std::size_t i = 0; i < weights.layers.size(); ++i) {
      // Of the names, those that the model has: some families fuse matrices.
      const auto names = [&](std::initializer_list<const char*> stems) {
        std::vector<std::string> found;
        for (const char* stem : stems) {
          std::string name = fmt::format("blk.{}.{}.weight", i, stem);
          if (source.find(name) != nullptr) found.push_back(std::move(name));
        }
        return found;
      };
      const LayerWeights& w = weights.layers[i];
      add_input(w.q, names({"attn_qkv", "attn_q", "attn_k", "attn_v"}));
      add_input(w.o, names({"attn_output"}));
      add_input(w.gate, names({"ffn_gate", "ffn_up"}));
      add_input(w.down, names({"ffn_down"}));
    }
    const bool is_tied = source.find("output.weight") == nullptr;
    add_input(weights.output, {is_tied ? "token_embd.weight" : "output.weight"});
  }

  void on_input(const Rows& x, std::span<const ProjectJob> jobs) override {
    const auto found = by_weight_.find(jobs[0].weight);
    SLIP_CHECK(found != by_weight_.end());
    add(x, inputs_[found->second].sums);
  }
  // Of the output matrix, which a pass that gives states doesn't multiply by.
  void on_states(const Rows& x) { add(x, inputs_.back().sums); }

  Result<Imatrix> imatrix() const {
    Imatrix imatrix;
    for (const LayerInput& input : inputs_) {
      for (const double sum : input.sums.squares) {
        if (!std::isfinite(sum))
          return invalid("tensor {}: its input isn't finite", input.tensors[0]);
      }
      for (const std::string& tensor : input.tensors) imatrix.sums[tensor] = input.sums;
    }
    return imatrix;
  }

 private:
  void add_input(const Linear& linear, std::vector<std::string> tensors) {
    by_weight_[&linear.matrix()] = inputs_.size();
    const auto n = static_cast<std::size_t>(linear.n_in());
    inputs_.push_back({std::move(tensors), {.squares = std::vector<double>(n), .n_inputs = 0}});
  }

  void add(const Rows& x, InputSums& sums) {
    const auto task = [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t r = 0; r < x.n_rows; ++r) {
        for (std::int64_t c = begin; c < end; ++c) {
          const double value = x.row(r)[c];
          sums.squares[static_cast<std::size_t>(c)] += value * value;
        }
      }
    };
    pool_.parallel_for(std::ssize(sums.squares), 64, task);
    sums.n_inputs += x.n_rows;
  }

  ThreadPool& pool_;
  std::vector<LayerInput> inputs_;
  std::unordered_map<const WeightMatrix*, std::size_t> by_weight_;  // index of inputs_
};

}  // namespace

Result<Imatrix> calibrate_model(const std::filesystem::path& source, std::string_view text,
                                const CalibrateOptions& options, Runtime& runtime) {
  const std::shared_ptr<const ModelSource> model = SLIP_TRY(open_model(source));
  if (options.window < 1 || options.window > model->config().context_length) {
    return invalid("window: expected 1 … {} tokens, the model's context, got {}",
                   model->config().context_length, options.window);
  }
  const auto tokenizer = SLIP_TRY(model->make_tokenizer());
  const std::vector<std::int32_t> tokens =
      SLIP_TRY(window_tokens(*tokenizer, text, options.window, options.max_windows));
  const auto weights = SLIP_TRY(ModelWeights::load(model, options.weights, runtime.pool()));
  InputCollector collector(*weights, runtime.pool());
  const auto runner = SLIP_TRY(make_cpu_runner(weights, runtime.pool(),
                                               {.n_ctx = options.window,
                                                .max_rows = options.window,
                                                .kv = {},
                                                .kernels = &runtime.kernels(),
                                                .observer = &collector}));
  const auto size = static_cast<std::size_t>(options.window);
  const std::size_t n_windows = tokens.size() / size;
  for (std::size_t i = 0; i < n_windows; ++i) {
    SLIP_TRY(read_window(*runner, std::span(tokens).subspan(i * size, size), options.cancel,
                         [&](const Rows& states) { collector.on_states(states); }));
    if (options.on_window) {
      options.on_window(static_cast<std::int64_t>(i) + 1, static_cast<std::int64_t>(n_windows));
    }
  }
  Imatrix imatrix = SLIP_TRY(collector.imatrix());
  imatrix.n_chunks = static_cast<std::int64_t>(n_windows);
  imatrix.chunk_size = options.window;
  return imatrix;
}

}  // namespace slip
