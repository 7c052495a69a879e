#include "measure/profile.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/os/clock.h"
#include "engine/sampling.h"
#include "measure/workload.h"

namespace slip {
namespace {

double length(const OpSpan& span) {
  return static_cast<double>(span.end_ns - span.begin_ns);
}

// The ops of a trace with each thread's time in them.
class Summary {
 public:
  Summary(PhaseProfile& profile, const Roof& roof) : profile_(profile), roof_(roof) {}

  void add_ops() {
    const Trace& trace = profile_.trace;
    const auto n_threads = static_cast<std::size_t>(trace.n_threads());
    profile_.threads.resize(n_threads);
    std::vector<std::size_t> next(n_threads);  // by thread: its first span not looked at yet
    double in_ops = 0;
    for (std::size_t i = 0; i < trace.ops().size(); ++i) {
      const OpSpan& span = trace.ops()[i];
      OpProfile& op = add_cost(span);
      in_ops += length(span);
      for (std::size_t t = 0; t < n_threads; ++t) {
        const auto busy = trace.busy(static_cast<int>(t));
        double busy_ns = 0;
        if (next[t] < busy.size() && busy[next[t]].op == i) {
          busy_ns = static_cast<double>(busy[next[t]].end_ns - busy[next[t]].begin_ns);
          ++next[t];
        }
        ThreadProfile& thread = profile_.threads[t];
        const double waiting_ns = length(span) - busy_ns;
        thread.busy_ns += busy_ns;
        (span.is_parallel ? thread.imbalance_ns : thread.serial_ns) += waiting_ns;
        op.waiting_ns += waiting_ns;
      }
    }
    profile_.outside_ns = std::max(0.0, profile_.ns - in_ops);
    for (std::size_t t = 0; t < n_threads; ++t) {
      ThreadProfile& thread = profile_.threads[t];
      (t == 0 ? thread.busy_ns : thread.outside_ns) += profile_.outside_ns;
    }
    std::stable_sort(profile_.ops.begin(), profile_.ops.end(),
                     [](const OpProfile& a, const OpProfile& b) { return a.ns > b.ns; });
  }

  void find_bottlenecks() {
    for (const OpProfile& op : profile_.ops) {
      add_bottleneck(op.name + " slower than its roof", op.ns - op.roof_ns);
    }
    double imbalance = 0, serial = 0;
    for (const ThreadProfile& thread : profile_.threads) {
      imbalance += thread.imbalance_ns;
      serial += thread.serial_ns;
    }
    const auto n_threads = static_cast<double>(profile_.threads.size());
    add_bottleneck("threads waiting within parallel ops", imbalance / n_threads);
    add_bottleneck("threads waiting for ops of one thread", serial / n_threads);
    add_bottleneck("work outside of ops", profile_.outside_ns);
    std::stable_sort(profile_.bottlenecks.begin(), profile_.bottlenecks.end(),
                     [](const Bottleneck& a, const Bottleneck& b) { return a.gain > b.gain; });
  }

 private:
  OpProfile& add_cost(const OpSpan& span) {
    const auto found = std::find_if(profile_.ops.begin(), profile_.ops.end(),
                                    [&](const auto& op) { return op.name == span.cost.name; });
    if (found == profile_.ops.end()) read_ns_.push_back(0);
    OpProfile& op = found != profile_.ops.end()
                        ? *found
                        : profile_.ops.emplace_back(OpProfile{.name = span.cost.name});
    const double read_ns = roof_.read_ns(span.cost), compute_ns = roof_.compute_ns(span.cost);
    ++op.n_calls;
    op.ns += length(span);
    op.bytes += static_cast<double>(span.cost.bytes);
    op.macs += static_cast<double>(span.cost.macs);
    op.roof_ns += std::max(read_ns, compute_ns);
    double& by_reading = read_ns_[static_cast<std::size_t>(&op - profile_.ops.data())];
    if (read_ns >= compute_ns) by_reading += read_ns;
    op.bound = 2 * by_reading >= op.roof_ns ? Bound::kBandwidth : Bound::kCompute;
    return op;
  }

  void add_bottleneck(std::string what, double saved_ns) {
    if (saved_ns <= 0 || saved_ns >= profile_.ns) return;
    profile_.bottlenecks.push_back({.what = std::move(what),
                                    .saved_ns = saved_ns,
                                    .gain = saved_ns / (profile_.ns - saved_ns)});
  }

  PhaseProfile& profile_;
  const Roof& roof_;
  std::vector<double> read_ns_;  // by op: the part of roof_ns that bandwidth bounds
};

// What `run` draws tokens with unless told otherwise.
SamplingParams usual_sampling() {
  return {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f};
}

class Phase {
 public:
  Phase(Workload& workload, const BenchTest& test)
      : workload_(workload), test_(test), sampler_(usual_sampling()) {}

  // The time it took; spans go to `trace`, which may be null.
  Result<double> run(Trace* trace) {
    SLIP_TRY(workload_.fill(test_.depth, test_.n_sequences));
    workload_.runner().set_trace(trace);
    const std::int64_t start = now_ns();
    const auto done = pass(trace);
    const auto ns = static_cast<double>(now_ns() - start);
    workload_.runner().set_trace(nullptr);
    SLIP_TRY(done);
    return ns;
  }

 private:
  Result<> pass(Trace* trace) {
    if (test_.kind == BenchTest::Kind::kPrompt)
      return workload_.prompt(test_.depth, test_.n_tokens);
    const auto n_vocab = static_cast<std::size_t>(workload_.runner().config().n_vocab);
    for (std::int64_t i = 0; i < test_.n_tokens; ++i) {
      const std::int64_t position = test_.depth + i;
      const ForwardOutput out = SLIP_TRY(workload_.step(position, test_.n_sequences));
      const auto n_rows = static_cast<std::size_t>(test_.n_sequences);
      const std::size_t n_peaks = out.peaks.size() / n_rows;
      const auto n_read = n_peaks > 0 ? out.peaks.size_bytes() : out.logits.size_bytes();
      const SerialSpan span(trace,
                            {.name = "sampling", .bytes = static_cast<std::int64_t>(n_read)});
      for (std::size_t row = 0; row < n_rows; ++row) {
        sampler_.sample(out.logits.subspan(row * n_vocab, n_vocab),
                        {.history = {},
                         .position = position + 1,
                         .peaks = out.peaks.subspan(row * n_peaks, n_peaks)});
      }
    }
    return {};
  }

  Workload& workload_;
  const BenchTest& test_;
  Sampler sampler_;
};

// Times and spans, not summed up yet.
Result<PhaseProfile> time_phase(Workload& workload, const BenchTest& test, int n_threads) {
  constexpr int kRounds = 5;
  Phase phase(workload, test);
  double plain_ns = std::numeric_limits<double>::infinity(), best_ns = plain_ns;
  Trace best(n_threads), trace(n_threads);
  // Warms up caches and the spans' memory.
  for (Trace* warm_up : {&best, &trace}) SLIP_TRY(phase.run(warm_up));
  for (int round = 0; round < kRounds; ++round) {
    plain_ns = std::min(plain_ns, SLIP_TRY(phase.run(nullptr)));
    trace.clear();
    const double ns = SLIP_TRY(phase.run(&trace));
    if (ns >= best_ns) continue;
    best_ns = ns;
    std::swap(best, trace);
  }
  return PhaseProfile{.test = test, .ns = best_ns, .plain_ns = plain_ns, .trace = std::move(best)};
}

// Raises what is known of the peaks: whatever disturbs a measurement makes it smaller.
Result<> raise_roof(Runtime& runtime, Roof& roof) {
  const double read = SLIP_TRY(measure_read_bandwidth(runtime.pool(), {}));
  const ComputePeaks compute = measure_compute_peaks(runtime.pool(), runtime.kernels().isa);
  roof.read_bytes_per_s = std::max(roof.read_bytes_per_s, read);
  roof.compute.int8 = std::max(roof.compute.int8, compute.int8);
  roof.compute.f32 = std::max(roof.compute.f32, compute.f32);
  roof.compute.int4 = std::max(roof.compute.int4, compute.int4);
  roof.compute.bf16 = std::max(roof.compute.bf16, compute.bf16);
  return {};
}

}  // namespace

double Roof::read_ns(const OpCost& cost) const {
  return static_cast<double>(cost.bytes) * 1e9 / read_bytes_per_s;
}

double Roof::compute_ns(const OpCost& cost) const {
  return static_cast<double>(cost.macs) * cost.n_planes * 1e9 / compute.of(cost.unit);
}

PhaseProfile summarize(const BenchTest& test, Trace trace, double ns, const Roof& roof) {
  PhaseProfile profile{.test = test, .ns = ns, .plain_ns = ns, .trace = std::move(trace)};
  Summary summary(profile, roof);
  summary.add_ops();
  summary.find_bottlenecks();
  return profile;
}

Result<ProfileReport> run_profile(const std::filesystem::path& path, Runtime& runtime,
                                  const ProfileOptions& options) {
  const auto workload =
      SLIP_TRY(Workload::load(path, runtime, options.load, size_for(options.tests)));
  workload->set_cancel(options.cancel);
  ProfileReport report;
  SLIP_TRY(raise_roof(runtime, report.roof));
  const int n_threads = runtime.pool().n_threads();
  const LostCpuMeter meter(n_threads);
  for (const BenchTest& test : options.tests) {
    report.phases.push_back(SLIP_TRY(time_phase(*workload, test, n_threads)));
  }
  report.lost_cpu = meter.read();
  SLIP_TRY(raise_roof(runtime, report.roof));
  for (PhaseProfile& phase : report.phases) {
    const double plain_ns = phase.plain_ns;
    phase = summarize(phase.test, std::move(phase.trace), phase.ns, report.roof);
    phase.plain_ns = plain_ns;
  }
  return report;
}

}  // namespace slip
