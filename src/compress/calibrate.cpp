#include "compress/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

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

// Whole windows of the text.
Result<std::vector<std::int32_t>> tokens_of(const Tokenizer& tokenizer, std::string_view text,
                                            const CalibrateOptions& options) {
  auto tokens = tokenizer.encode(text, {.add_special = true, .parse_special = false});
  std::int64_t n = std::ssize(tokens) / options.window;
  if (options.max_windows >= 0) n = std::min(n, options.max_windows);
  if (n == 0) {
    return invalid("text: expected at least one window of {} tokens, got {} tokens", options.window,
                   tokens.size());
  }
  tokens.resize(static_cast<std::size_t>(n * options.window));
  if (tokenizer.adds_bos()) {
    for (std::int64_t i = 0; i < n; ++i) {
      tokens[static_cast<std::size_t>(i * options.window)] = tokenizer.bos_id();
    }
  }
  return tokens;
}

Result<> read_window(ModelRunner& runner, std::span<const std::int32_t> tokens,
                     const std::atomic<bool>* cancel, InputCollector& collector) {
  std::vector<std::int32_t> pages(static_cast<std::size_t>(runner.kv().n_pages()));
  std::iota(pages.begin(), pages.end(), 0);
  std::vector<BatchRow> rows;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    rows.push_back({.token = tokens[i],
                    .position = static_cast<std::int32_t>(i),
                    .sequence = 0,
                    .output = RowOutput::kHidden});
  }
  const std::span<const std::int32_t> page_table[] = {pages};
  const ForwardOutput out =
      SLIP_TRY(runner.run({.rows = rows, .page_tables = page_table, .cancel = cancel}));
  // The collector only reads.
  collector.on_states({.data = const_cast<float*>(out.hidden.data()),
                       .stride = runner.config().d_model,
                       .n_rows = std::ssize(rows)});
  return {};
}

}  // namespace

Result<Imatrix> calibrate_model(const std::filesystem::path& source, std::string_view text,
                                const CalibrateOptions& options, Runtime& runtime) {
  const std::shared_ptr<const ModelSource> model = SLIP_TRY(open_model(source));
  if (options.window < 1 || options.window > model->config().context_length) {
    return invalid("window: expected 1 … {} tokens, the model's context, got {}",
                   model->config().context_length, options.window);
  }
  const auto tokenizer = SLIP_TRY(model->make_tokenizer());
  const std::vector<std::int32_t> tokens = SLIP_TRY(tokens_of(*tokenizer, text, options));
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
    SLIP_TRY(
        read_window(*runner, std::span(tokens).subspan(i * size, size), options.cancel, collector));
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
