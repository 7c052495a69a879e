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

// Names, labels and buckets are vLLM's with the prefix slipstream_, so that its dashboards need
// only that changed. Thread-safe.
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

  // The text exposition format, version 0.0.4
  // (https://prometheus.io/docs/instrumenting/exposition_formats). `stats` is null while loading.
  std::string text(std::string_view model, const EngineStats* stats) const;

 private:
  struct Histogram {
    std::vector<std::uint64_t> counts;  // by bucket, not cumulative; the last is +Inf
    double sum = 0;
  };
  class Writer;
  void write_engine(Writer& out, const EngineStats& stats) const;
  void write_process(Writer& out) const;

  const std::string version_;
  const double start_time_s_;
  mutable std::mutex mutex_;
  std::array<Histogram, 9> histograms_;
  std::map<std::pair<std::string, int>, std::uint64_t> responses_;
  std::uint64_t n_rejections_ = 0;
};

}  // namespace slip
