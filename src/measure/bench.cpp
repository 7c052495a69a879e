#include "measure/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/os/clock.h"
#include "base/os/cpu.h"
#include "base/os/page_cache.h"
#include "measure/statistics.h"
#include "measure/workload.h"
#include "ops/matmul.h"
#include "quant/pack.h"

namespace slip {
namespace {

std::int64_t total_tokens(const BenchTest& test) {
  return test.n_tokens * (test.kind == BenchTest::Kind::kGeneration ? test.n_sequences : 1);
}

// Without the tokens ahead of it.
Result<double> time_once(Workload& workload, const BenchTest& test) {
  const std::int64_t start = now_ns();
  if (test.kind == BenchTest::Kind::kPrompt) {
    SLIP_TRY(workload.prompt(test.depth, test.n_tokens));
  } else {
    for (std::int64_t i = 0; i < test.n_tokens; ++i) {
      SLIP_TRY(workload.step(test.depth + i, test.n_sequences));
    }
  }
  const auto elapsed = static_cast<double>(std::max<std::int64_t>(1, now_ns() - start));
  return static_cast<double>(total_tokens(test)) * 1e9 / elapsed;
}

Result<> warm_up(Workload& workload, const BenchTest& test) {
  BenchTest part = test;
  const bool is_prompt = test.kind == BenchTest::Kind::kPrompt;
  part.n_tokens = std::min(test.n_tokens, is_prompt ? workload.runner().max_rows() : 1);
  SLIP_TRY(workload.fill(test.depth, test.n_sequences));
  SLIP_TRY(time_once(workload, part));
  return {};
}

// Every test once before any is repeated: a machine that turns slower or faster meanwhile does so
// for all of them.
Result<> run_tests(Workload& workload, const BenchOptions& options,
                   std::vector<BenchResult>& results) {
  for (BenchResult& result : results) SLIP_TRY(warm_up(workload, result.test));
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    for (BenchResult& result : results) {
      if (options.on_repeat) options.on_repeat(result.test, repeat);
      SLIP_TRY(workload.fill(result.test.depth, result.test.n_sequences));
      result.tokens_per_s.push_back(SLIP_TRY(time_once(workload, result.test)));
    }
  }
  return {};
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
  const double peak = report.compute.of(cost.unit);
  const double read_seconds = bytes / report.read_bytes_per_s;
  const double compute_seconds = macs / peak;
  result.bytes_per_s = bytes / seconds;
  result.bound = read_seconds >= compute_seconds ? Bound::kBandwidth : Bound::kCompute;
  result.fraction_of_bound = std::max(read_seconds, compute_seconds) / seconds;
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
  if (arithmetic == Arithmetic::kFast && down != nullptr) {
    const auto kind = packed_kind(down->dtype);
    if (kind) cost.unit = mac_unit(*kind);
    if (kind == PackedKind::kBF16 && activations != ActivationBits::k16) {
      cost.unit = MacUnit::kBf16;
    }
  }
  return cost;
}

WorkloadSize size_for(std::span<const BenchTest> tests) {
  WorkloadSize size;
  for (const BenchTest& test : tests) {
    size.n_ctx = std::max(size.n_ctx, test.depth + test.n_tokens);
    size.n_sequences = std::max(size.n_sequences, test.n_sequences);
  }
  return size;
}

Result<BenchReport> run_bench(const std::filesystem::path& path, Runtime& runtime,
                              const BenchOptions& options) {
  BenchReport report;
  drop_page_cache(path);
  if (options.load.packed.cache) drop_page_cache(options.load.packed.cache->file_of(path));
  const auto load = [&] {
    return Workload::load(path, runtime, options.load, size_for(options.tests));
  };
  report.load_cold_ns = SLIP_TRY(load())->load_ns();
  const auto workload = SLIP_TRY(load());
  workload->set_cancel(options.cancel);
  report.load_warm_ns = workload->load_ns();
  report.n_parameters = count_parameters(workload->source());
  report.tensor_bytes = static_cast<std::int64_t>(workload->source().tensor_bytes());
  report.read_bytes_per_s = SLIP_TRY(measure_read_bandwidth(runtime.pool(), {}));
  report.compute = measure_compute_peaks(runtime.pool(), runtime.kernels().isa);

  const LostCpuMeter meter(runtime.pool().n_threads());
  for (const BenchTest& test : options.tests) report.results.push_back({.test = test});
  SLIP_TRY(run_tests(*workload, options, report.results));
  report.lost_cpu = meter.read();
  const PassCost cost =
      pass_cost(workload->source(), options.load.arithmetic, options.load.activations);
  for (BenchResult& result : report.results) {
    add_bounds(result, cost, report, workload->runner().max_rows());
  }
  report.rss_bytes = memory_use().resident_bytes;
  return report;
}

}  // namespace slip
