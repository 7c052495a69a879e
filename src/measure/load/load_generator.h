// Puts load on an OpenAI-compatible server, and records what becomes of every request.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "measure/load/load_record.h"
#include "net/client.h"

namespace slip {

struct LoadTarget {
  std::string url;  // "http://127.0.0.1:8080", with or without the "/v1" that the API is below
  std::string api_key = {};
  ClientOptions client = {};
};

struct LoadTestProgress {
  std::int64_t n_started = 0;
  std::int64_t n_ended = 0;
  std::int64_t elapsed_ns = 0;
};

struct LoadTestOptions {
  LoadTarget target;
  WireOptions wire;
  // What the request of that number asks.
  std::function<LoadPrompt(std::uint64_t)> prompt;

  // Open loop, when above 0: requests arrive at this rate, whether or not earlier ones have ended.
  double rate_per_s = 0;
  std::uint64_t seed = 0;  // of the arrivals
  // Closed loop, else: so many clients, each of which waits for its answer before it asks again. A
  // client whose request failed pauses: for Retry-After, or for 100 ms.
  std::int64_t n_clients = 1;

  // No request starts when so many have, or so much time has passed; at least one of them above 0.
  std::int64_t n_requests = 0;
  std::int64_t duration_ns = 0;
  std::int64_t timeout_ms = 600'000;  // for a request

  std::function<void(const LoadTestProgress&)> on_progress = {};  // 20 times a second
  const std::atomic<bool>* cancel = nullptr;                      // ends everything early
};

struct LoadTestRun {
  std::vector<LoadRecord> records;  // in the order they ended
  std::int64_t began_ns = 0;
  std::int64_t ended_ns = 0;
  double began_unix_s = 0;
  // CPU time of this process meanwhile, in CPUs: 0.02 is a fiftieth of one.
  double own_cpus = 0;
  bool was_cancelled = false;
};

// Asks for /v1/models: the first one's name, or an empty one when the server has no such list.
// Errors: kInvalid for a URL that is none, kNotFound for an unknown host, kIo for a server that
// can't be reached, kInvalid when it wants another key (401 or 403).
Result<std::string> find_served_model(const LoadTarget& target);

// Until all requests have ended. What goes wrong with one is in its record; errors are those of
// HttpClient::create.
Result<LoadTestRun> run_load_test(const LoadTestOptions& options);

}  // namespace slip
