// What the server counts and measures, for Prometheus.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch_engine.h"
#include "engine/request.h"

namespace slip {

// How a request ended, by Triton's reasons of failure.
enum class RequestOutcome {
  kSuccess,
  kRejected,   // the queue was full, or the request's time was out
  kCancelled,  // the client left, or the server ended
  kBackend,    // the engine failed
  kOther,
};

// Of a request that failed, by the status of its error over HTTP.
RequestOutcome outcome_of(int status);

// What Triton counts; sums since the start.
struct InferenceTotals {
  struct Duration {
    std::uint64_t n = 0;
    std::uint64_t ns = 0;
  };
  std::array<Duration, 5> requests;  // by RequestOutcome; from their arrival to their end
  Duration queue;                    // of sequences: before the prefill
  Duration compute;                  // of sequences: from the prefill's begin to the end
  std::uint64_t last_end_ms = 0;     // when a sequence ended last, since 1970; 0: none has
};

// Names, labels and buckets are vLLM's with the prefix slipstream_, so that its dashboards need
// only that changed; beside them stand Triton's names (nv_inference_…). Thread-safe.
class Metrics {
 public:
  explicit Metrics(std::string version);

  // Distributions; seconds and tokens.
  enum class Distribution {
    kTimeToFirstToken,
    kInterTokenLatency,
    kEndToEnd,
    kQueueTime,
    kPrefillTime,
    kDecodeTime,
    kInferenceTime,
    kPromptTokens,
    kGenerationTokens,
  };
  void observe(Distribution distribution, double value);
  void count_response(std::string_view route, int status);
  void count_rejection();
  // A sequence has ended: its times and tokens.
  void count_end(const RequestEnd& end, std::int64_t received_ns);
  // A request has, with all of its sequences.
  void count_request(RequestOutcome outcome, std::int64_t duration_ns);
  InferenceTotals inference_totals() const;

  // The text exposition format, version 0.0.4
  // (https://prometheus.io/docs/instrumenting/exposition_formats). `model`: the label of all of it,
  // whether it is loaded or not. `engine`: counters since the server started.
  std::string text(std::string_view model, const EngineStats& engine) const;

 private:
  struct Histogram {
    std::vector<std::uint64_t> counts;  // by bucket, not cumulative; the last is +Inf
    double sum = 0;
  };
  class Writer;
  void write_engine(Writer& out, const EngineStats& stats) const;
  void write_process(Writer& out) const;
  // Triton's names and labels.
  std::string inference_text(std::string_view model, const EngineStats& engine) const;

  const std::string version_;
  const double start_time_s_;
  mutable std::mutex mutex_;
  std::array<Histogram, 9> histograms_;
  std::map<std::pair<std::string, int>, std::uint64_t> responses_;
  std::uint64_t n_rejections_ = 0;
  InferenceTotals totals_;
};

}  // namespace slip
