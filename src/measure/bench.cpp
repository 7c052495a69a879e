#include "measure/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/os/clock.h"
#include "base/os/cpu.h"
#include "base/os/page_cache.h"
#include "base/rng.h"
#include "measure/statistics.h"

namespace slip {
namespace {

// The sequences of the tests on one runner: each has pages of its own.
class Bench {
 public:
  Bench(ModelRunner& runner, std::int64_t n_sequences, const std::atomic<bool>* cancel)
      : runner_(runner), cancel_(cancel), pages_(static_cast<std::size_t>(n_sequences)) {
    const std::int32_t per_sequence =
        runner.kv().n_pages() / static_cast<std::int32_t>(n_sequences);
    std::int32_t next = 0;
    for (auto& pages : pages_) {
      pages.resize(static_cast<std::size_t>(per_sequence));
      std::iota(pages.begin(), pages.end(), next);
      next += per_sequence;
    }
    for (const auto& pages : pages_) page_tables_.emplace_back(pages);
  }

  // Puts `depth` tokens into the first n_sequences sequences.
  Result<> fill(std::int64_t depth, std::int64_t n_sequences) {
    if (depth == 0) return {};
    SLIP_TRY(prompt(0, depth));
    const std::size_t n_pages =
        static_cast<std::size_t>((depth + kKvPageTokens - 1) / kKvPageTokens);
    for (std::size_t s = 1; s < static_cast<std::size_t>(n_sequences); ++s) {
      for (std::size_t p = 0; p < n_pages; ++p) {
        runner_.kv().copy_page(pages_[0][p], pages_[s][p]);
      }
    }
    return {};
  }

  Result<> prompt(std::int64_t begin, std::int64_t n_tokens) {
    const std::int64_t end = begin + n_tokens;
    while (begin < end) {
      const std::int64_t stop = std::min(end, begin + runner_.max_rows());
      rows_.clear();
      for (; begin < stop; ++begin) add_row(begin, 0, RowOutput::kNone);
      if (stop == end) rows_.back().output = RowOutput::kLogits;
      SLIP_TRY(run());
    }
    return {};
  }

  Result<> generate(std::int64_t begin, std::int64_t n_steps, std::int64_t n_sequences) {
    for (std::int64_t step = 0; step < n_steps; ++step) {
      rows_.clear();
      for (std::int32_t s = 0; s < n_sequences; ++s) add_row(begin + step, s, RowOutput::kLogits);
      SLIP_TRY(run());
    }
    return {};
  }

 private:
  // Any token will do; the same ones in every run.
  void add_row(std::int64_t position, std::int32_t sequence, RowOutput output) {
    const auto n_vocab = static_cast<std::uint64_t>(runner_.config().n_vocab);
    const auto token =
        random_bits(static_cast<std::uint64_t>(sequence), static_cast<std::uint64_t>(position));
    rows_.push_back({.token = static_cast<std::int32_t>(token % n_vocab),
                     .position = static_cast<std::int32_t>(position),
                     .sequence = sequence,
                     .output = output});
  }

  Result<> run() {
    SLIP_TRY(runner_.run({.rows = rows_, .page_tables = page_tables_, .cancel = cancel_}));
    return {};
  }

  ModelRunner& runner_;
  const std::atomic<bool>* cancel_;
  std::vector<std::vector<std::int32_t>> pages_;
  std::vector<std::span<const std::int32_t>> page_tables_;
  std::vector<BatchRow> rows_;
};

std::int64_t total_tokens(const BenchTest& test) {
  return test.n_tokens * (test.kind == BenchTest::Kind::kGeneration ? test.n_sequences : 1);
}

Result<double> time_once(Bench& bench, const BenchTest& test) {
  const std::int64_t start = now_ns();
  if (test.kind == BenchTest::Kind::kPrompt) {
    SLIP_TRY(bench.prompt(test.depth, test.n_tokens));
  } else {
    SLIP_TRY(bench.generate(test.depth, test.n_tokens, test.n_sequences));
  }
  const auto elapsed = static_cast<double>(std::max<std::int64_t>(1, now_ns() - start));
  return static_cast<double>(total_tokens(test)) * 1e9 / elapsed;
}

// Compares the median speed with the least time that the peaks allow.
void add_bounds(BenchResult& result, const PassCost& cost, const BenchReport& report,
                std::int64_t max_rows) {
  const BenchTest& test = result.test;
  const bool is_prompt = test.kind == BenchTest::Kind::kPrompt;
  const auto n_tokens = static_cast<double>(test.n_tokens);
  const double n_passes =
      is_prompt ? std::ceil(n_tokens / static_cast<double>(max_rows)) : n_tokens;
  const auto n_rows = static_cast<double>(total_tokens(test));
  const double n_logits = is_prompt ? 1 : n_rows;
  const double bytes = n_passes * cost.bytes;
  const double macs = n_rows * cost.macs_per_row + n_logits * cost.macs_per_logits_row;
  const double seconds = n_rows / median(result.tokens_per_s);
  const double peak = report.compute.*cost.peak;
  const double read_seconds = bytes / report.read_bytes_per_s;
  const double compute_seconds = macs / peak;
  result.bytes_per_s = bytes / seconds;
  result.bound = read_seconds >= compute_seconds ? Bound::kBandwidth : Bound::kCompute;
  result.fraction_of_bound = std::max(read_seconds, compute_seconds) / seconds;
}

struct Loaded {
  std::shared_ptr<const ModelSource> source;
  std::unique_ptr<ModelRunner> runner;
  std::int64_t load_ns = 0;
};

Result<Loaded> load(const std::filesystem::path& path, Runtime& runtime, const LoadOptions& options,
                    std::int64_t n_sequences) {
  const std::int64_t start = now_ns();
  Loaded loaded;
  loaded.source = SLIP_TRY(open_model(path));
  auto weights = SLIP_TRY(
      ModelWeights::load(loaded.source, {options.arithmetic, options.packed}, runtime.pool()));
  const bool exact = options.arithmetic == Arithmetic::kExact;
  const std::int64_t n_pages = (options.n_ctx + kKvPageTokens - 1) / kKvPageTokens * n_sequences;
  if (n_pages > INT32_MAX)
    return fail(ErrorKind::kLimit, "KV cache: {} pages are too many", n_pages);
  loaded.runner = SLIP_TRY(make_cpu_runner(std::move(weights), runtime.pool(),
                                           {.n_ctx = options.n_ctx,
                                            .max_rows = std::max(options.max_rows, n_sequences),
                                            .kv = {.type = exact ? KvType::kF32 : options.kv_type,
                                                   .n_pages = static_cast<std::int32_t>(n_pages)},
                                            .activations = options.activations,
                                            .kernels = &runtime.kernels()}));
  loaded.load_ns = now_ns() - start;
  return loaded;
}

std::int64_t count_parameters(const ModelSource& source) {
  std::int64_t n = 0;
  for (const char* name : {"token_embd.weight", "output.weight", "output_norm.weight"}) {
    const TensorView* tensor = source.find(name);
    if (tensor != nullptr) n += tensor->n_elements();
  }
  constexpr std::array kNames = {"attn_norm",
                                 "attn_q",
                                 "attn_k",
                                 "attn_v",
                                 "attn_qkv",
                                 "attn_output",
                                 "ffn_norm",
                                 "ffn_gate",
                                 "ffn_up",
                                 "ffn_down",
                                 "attn_q_norm",
                                 "attn_k_norm",
                                 "post_attention_norm",
                                 "post_ffw_norm"};
  for (int layer = 0; layer < source.config().n_layers(); ++layer) {
    for (const char* name : kNames) {
      for (const char* part : {"weight", "bias"}) {
        const TensorView* tensor = source.find(fmt::format("blk.{}.{}.{}", layer, name, part));
        if (tensor != nullptr) n += tensor->n_elements();
      }
    }
  }
  return n;
}

}  // namespace

std::string BenchTest::name() const {
  std::string text = fmt::format("{}{}", kind == Kind::kPrompt ? "pp" : "tg", n_tokens);
  if (n_sequences > 1) text += fmt::format(" b{}", n_sequences);
  if (depth > 0) text += fmt::format(" d{}", depth);
  return text;
}

std::string_view to_string(Bound bound) {
  return bound == Bound::kBandwidth ? "bandwidth" : "compute";
}

PassCost pass_cost(const ModelSource& source, Arithmetic arithmetic, ActivationBits activations) {
  PassCost cost{.bytes = static_cast<double>(source.bytes_per_token())};
  const auto elements = [&source](const std::string& name) {
    const TensorView* tensor = source.find(name);
    return tensor == nullptr ? 0.0 : static_cast<double>(tensor->n_elements());
  };
  for (int layer = 0; layer < source.config().n_layers(); ++layer) {
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate",
                             "ffn_up", "ffn_down"}) {
      cost.macs_per_row += elements(fmt::format("blk.{}.{}.weight", layer, name));
    }
  }
  const bool is_tied = source.find("output.weight") == nullptr;
  cost.macs_per_logits_row = elements(is_tied ? "token_embd.weight" : "output.weight");
  const TensorView* down = source.find("blk.0.ffn_down.weight");
  const auto is = [down](DType type) { return down != nullptr && down->dtype == type; };
  if (arithmetic == Arithmetic::kExact || is(DType::kF32) || is(DType::kF16)) {
    cost.peak = &ComputePeaks::f32;
  } else if (is(DType::kBF16)) {
    cost.peak = activations == ActivationBits::k16 ? &ComputePeaks::f32 : &ComputePeaks::bf16;
  }
  return cost;
}

Result<BenchReport> run_bench(const std::filesystem::path& path, Runtime& runtime,
                              const BenchOptions& options) {
  LoadOptions load_options = options.load;
  load_options.n_ctx = 1;
  std::int64_t n_sequences = 1;
  for (const BenchTest& test : options.tests) {
    load_options.n_ctx = std::max(load_options.n_ctx, test.depth + test.n_tokens);
    n_sequences = std::max(n_sequences, test.n_sequences);
  }
  BenchReport report;
  drop_page_cache(path);
  if (load_options.packed.cache) drop_page_cache(load_options.packed.cache->file_of(path));
  report.load_cold_ns = SLIP_TRY(load(path, runtime, load_options, n_sequences)).load_ns;
  const Loaded loaded = SLIP_TRY(load(path, runtime, load_options, n_sequences));
  report.load_warm_ns = loaded.load_ns;
  report.n_parameters = count_parameters(*loaded.source);
  report.tensor_bytes = static_cast<std::int64_t>(loaded.source->tensor_bytes());
  report.read_bytes_per_s = SLIP_TRY(measure_read_bandwidth(runtime.pool(), {}));
  report.compute = measure_compute_peaks(runtime.pool(), runtime.kernels().isa);

  const PassCost cost =
      pass_cost(*loaded.source, load_options.arithmetic, load_options.activations);
  Bench bench(*loaded.runner, n_sequences, options.cancel);
  for (const BenchTest& test : options.tests) {
    BenchResult result{.test = test, .tokens_per_s = {}};
    SLIP_TRY(bench.fill(test.depth, test.n_sequences));
    BenchTest warm_up = test;
    warm_up.n_tokens = std::min<std::int64_t>(
        test.n_tokens, test.kind == BenchTest::Kind::kPrompt ? loaded.runner->max_rows() : 1);
    SLIP_TRY(time_once(bench, warm_up));
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
      if (options.on_repeat) options.on_repeat(test, repeat);
      result.tokens_per_s.push_back(SLIP_TRY(time_once(bench, test)));
    }
    add_bounds(result, cost, report, loaded.runner->max_rows());
    report.results.push_back(std::move(result));
  }
  report.rss_bytes = memory_use().resident_bytes;
  return report;
}

}  // namespace slip
