// The options of `bench --serve`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/arguments.h"
#include "measure/load/load_generator.h"
#include "measure/load/load_report.h"

namespace slip {

struct LoadBenchOptions {
  std::string url;  // empty: no load is asked for
  std::string endpoint = "chat";
  std::string model_name;
  std::string api_key;
  std::string ca_file;
  bool insecure = false;

  std::optional<float> rate;
  std::optional<std::int64_t> n_clients;
  std::int64_t n_requests = 0;
  std::int64_t duration_s = 0;
  std::int64_t timeout_s = 600;
  std::optional<std::int64_t> seed;

  std::string prompts;  // path
  std::string prompt_tokens = "64:512";
  std::string answer_tokens = "16:128";
  std::int64_t n_shared_tokens = 0;
  std::optional<float> temperature;
  bool stops_at_eos = false;

  std::string goal;
  std::string plot;  // path
  bool per_request = false;

  void declare(Arguments& args);
};

// "30:1000", or "64" for 64:64. kInvalid for anything else.
Result<LengthRange> parse_length_range(const std::string& text);

}  // namespace slip
