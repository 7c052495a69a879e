// Where a forward pass spends its time, against what the machine could do, and what it would gain.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/trace.h"
#include "engine/loaded_model.h"
#include "measure/bench.h"

namespace slip {

// The machine's peaks, with all threads: an op can't take less time than they allow (the roofline
// of Williams, Waterman and Patterson, 2009).
struct Roof {
  double read_bytes_per_s = 0;
  ComputePeaks compute;

  double read_ns(const OpCost& cost) const;
  double compute_ns(const OpCost& cost) const;
};

// All spans of one name.
struct OpProfile {
  std::string name;
  std::int64_t n_calls = 0;
  double ns = 0;  // on the calling thread's clock
  double bytes = 0;
  double macs = 0;
  // The least time that the roof allows; what was in a cache may take less.
  double roof_ns = 0;
  Bound bound = Bound::kBandwidth;  // what most of roof_ns is
  double waiting_ns = 0;            // of all threads together, while the op ran
};

// What a thread did in the time of a phase: the four add up to it.
struct ThreadProfile {
  double busy_ns = 0;
  double imbalance_ns = 0;  // in ops for all threads: woken late, or done before the others
  double serial_ns = 0;     // in ops for one thread, while another had it
  double outside_ns = 0;    // between ops, but for the calling thread, which then works
};

// Something that costs time, and how much faster the phase would be without it.
struct Bottleneck {
  std::string what;
  double saved_ns = 0;
  double gain = 0;  // 0.1: 10 % faster
};

struct PhaseProfile {
  BenchTest test;
  double ns = 0;                    // with spans
  double plain_ns = 0;              // the same without
  std::vector<OpProfile> ops = {};  // the one that took longest first
  double outside_ns = 0;            // between ops
  std::vector<ThreadProfile> threads = {};
  std::vector<Bottleneck> bottlenecks = {};  // the largest gain first; they overlap
  Trace trace{1};

  std::int64_t n_tokens() const { return test.n_tokens * test.n_sequences; }
};

// Sums the spans of test, which took `ns` in all, up.
PhaseProfile summarize(const BenchTest& test, Trace trace, double ns, const Roof& roof);

struct ProfileOptions {
  LoadOptions load;
  std::vector<BenchTest> tests;  // one a phase
  const std::atomic<bool>* cancel = nullptr;
};

struct ProfileReport {
  Roof roof;
  std::vector<PhaseProfile> phases;
  LostCpu lost_cpu;  // while the phases ran
};

// Runs each test five times with spans and five times without, in turns, after a warm-up, and
// reports the fastest of each; the peaks are the larger of those before and after. Steps of
// generation draw a token for every sequence, as `run` does by default.
Result<ProfileReport> run_profile(const std::filesystem::path& path, Runtime& runtime,
                                  const ProfileOptions& options);

}  // namespace slip
