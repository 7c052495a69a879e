// What the last requests and passes did, and when: for whoever asks why an answer was slow.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/request.h"

namespace slip {

// Times are of the engine's clock. kPrefill is one chunk of a prompt, kDecode everything from the
// first token to the last.
struct TraceSpan {
  enum class Kind : std::uint8_t { kQueued, kPrefill, kDecode };
  Kind kind = Kind::kQueued;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;    // 0: it goes on
  std::int64_t n_tokens = 0;  // that a chunk has
};

// One request. Those that were pre-empted have several spans of a kind.
struct RequestTrace {
  // Chunks beyond kMaxChunks are one with that before them; pre-emptions beyond the rest are left
  // out.
  static constexpr std::size_t kMaxSpans = 24, kMaxChunks = 12;

  RequestId id = 0;
  std::array<char, 64> name{};
  std::uint8_t name_size = 0;
  std::uint8_t n_spans = 0;
  std::array<TraceSpan, kMaxSpans> spans{};
  // Once it has ended; of RequestEnd.
  std::optional<FinishReason> reason = {};
  std::int64_t n_prompt = 0, n_cached = 0, n_generated = 0, n_preemptions = 0;

  std::string_view label() const { return {name.data(), name_size}; }
  std::int64_t begin_ns() const { return spans[0].begin_ns; }
};

// A forward pass, from the plan to the last sink.
struct PassTrace {
  std::int64_t begin_ns = 0, end_ns = 0;
  std::int64_t n_prefill = 0, n_decode = 0;   // rows
  std::int64_t n_running = 0, n_waiting = 0;  // sequences, as the pass ended
};

// Both from the oldest to the newest.
struct TraceSnapshot {
  std::vector<RequestTrace> requests;
  std::vector<PassTrace> passes;
};

// Rings of fixed size; what it is told of requests that are no longer in there is dropped.
// Thread-safe: the engine writes, others take snapshots. A call of the engine's takes some 10 ns
// and allocates nothing.
class EngineTrace {
 public:
  static constexpr std::size_t kMaxRequests = 256, kMaxPasses = 1024;

  EngineTrace();

  // Arrives and waits. Names are cut at 64 bytes.
  void begin(RequestId id, std::string_view name, std::int64_t now_ns);
  // Waits no longer.
  void admit(RequestId id, std::int64_t now_ns);
  // Waits again.
  void preempt(RequestId id, std::int64_t now_ns);
  struct Rows {
    std::int64_t begin_ns = 0, end_ns = 0;  // of the pass
    std::int64_t n_rows = 0;
    bool gives_token = false;
  };
  // Had rows in a pass: a chunk of its prompt, until a pass gives a token.
  void add_rows(RequestId id, const Rows& rows);
  void end(const RequestEnd& end);
  void add_pass(const PassTrace& pass);

  // The last requests, and the passes since the first of these began.
  TraceSnapshot snapshot(std::size_t max_requests = kMaxRequests) const;

 private:
  RequestTrace* find(RequestId id);
  static void close(RequestTrace& request, std::int64_t now_ns);
  static void open(RequestTrace& request, const TraceSpan& span);

  mutable std::mutex mutex_;
  std::vector<RequestTrace> requests_;  // by id modulo size; id 0: none
  std::vector<PassTrace> passes_;       // by number modulo size
  std::size_t n_passes_ = 0;
};

}  // namespace slip
