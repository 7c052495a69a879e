// Speed of a model: prompt processing and token generation, against what the machine could do.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/loaded_model.h"
#include "measure/lost_cpu.h"
#include "measure/peaks.h"
#include "measure/workload.h"

namespace slip {

// ppN: N tokens from an empty cache (or behind `depth` tokens, which aren't timed), logits for the
// last. tgN: N decode steps, each of `n_sequences` sequences together. As llama-bench and
// llama-batched-bench define them.
struct BenchTest {
  enum class Kind { kPrompt, kGeneration } kind = Kind::kPrompt;
  std::int64_t n_tokens = 0;
  std::int64_t n_sequences = 1;
  std::int64_t depth = 0;

  std::string name() const;  // "pp512", "tg128 b16", "tg128 d1024"
};

// What all of them need.
WorkloadSize size_for(std::span<const BenchTest> tests);

enum class Bound { kBandwidth, kCompute };
std::string_view to_string(Bound bound);  // "bandwidth", "compute"

struct BenchResult {
  BenchTest test;
  std::vector<double> tokens_per_s = {};  // one a repeat
  // Stored tensor bytes that the passes needed, per second, at the median speed.
  double bytes_per_s = 0;
  // The least time that the machine's peaks allow (the larger of bytes / bandwidth and
  // multiply-accumulates / compute peak), over the time that it took.
  Bound bound = Bound::kBandwidth;
  double fraction_of_bound = 0;
};

struct BenchOptions {
  LoadOptions load;
  std::vector<BenchTest> tests;
  int repeats = 5;
  // Called before each test, and with the repeat that is about to run.
  std::function<void(const BenchTest&, int repeat)> on_repeat = {};
  const std::atomic<bool>* cancel = nullptr;
};

struct BenchReport {
  std::int64_t n_parameters = 0;
  std::int64_t tensor_bytes = 0;
  double read_bytes_per_s = 0;
  ComputePeaks compute;  // multiply-accumulates per second
  std::int64_t load_cold_ns = 0;
  std::int64_t load_warm_ns = 0;
  std::vector<BenchResult> results;
  std::size_t rss_bytes = 0;
  LostCpu lost_cpu;  // while the tests ran
};

// Loads the model twice (the first time with its files dropped from the page cache, where the
// system allows that), measures the peaks with the same threads, then runs the tests, all of them
// once a repeat.
Result<BenchReport> run_bench(const std::filesystem::path& path, Runtime& runtime,
                              const BenchOptions& options);

// What one pass over some rows costs at least.
struct PassCost {
  double bytes = 0;  // stored bytes of all weights
  double macs_per_row = 0;
  double macs_per_logits_row = 0;
  MacUnit unit = MacUnit::kF32;  // float weights and exact arithmetic: f32
};
PassCost pass_cost(const ModelSource& source, Arithmetic arithmetic, ActivationBits activations);

}  // namespace slip
