// The KServe v2 protocol without its transports: what REST and gRPC ask, and are told
// (https://github.com/kserve/open-inference-protocol; the extensions are Triton's). The module for
// gRPC sees this header alone and is called and calls through it, so all of it is inline or
// virtual.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "serve/api_error.h"
#include "serve/log_entry.h"

namespace slip {

// A model has one version.
inline constexpr const char* kModelVersion = "1";
inline constexpr const char* kModelPlatform = "slipstream";
inline constexpr const char* kServerExtensions[] = {"binary_tensor_data",  "generate",
                                                    "model_configuration", "model_repository",
                                                    "parameters",          "statistics"};

// Those of Triton's vLLM backend.
struct TensorSpec {
  const char* name;
  const char* datatype;
  std::int64_t dim;  // of the shape, which has one; -1: any
  bool is_optional;
};
inline constexpr TensorSpec kInputTensors[] = {
    {"text_input", "BYTES", -1, false},           {"stream", "BOOL", 1, true},
    {"sampling_parameters", "BYTES", -1, true},   {"exclude_input_in_output", "BOOL", 1, true},
    {"return_finish_reason", "BOOL", 1, true},    {"return_num_input_tokens", "BOOL", 1, true},
    {"return_num_output_tokens", "BOOL", 1, true}};
inline constexpr TensorSpec kOutputTensors[] = {{"text_output", "BYTES", -1, false},
                                                {"finish_reason", "BYTES", -1, true},
                                                {"num_input_tokens", "UINT32", -1, true},
                                                {"num_output_tokens", "UINT32", -1, true}};

using InferParameter = std::variant<bool, std::int64_t, double, std::string>;
using InferParameters = std::vector<std::pair<std::string, InferParameter>>;

// Elements in row-major order: texts for BYTES, numbers for BOOL and UINT32.
struct InferTensor {
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> shape = {};
  std::vector<std::string> texts = {};
  std::vector<std::int64_t> numbers = {};
  // As they come in the binary extension; in place of the elements.
  bool is_raw = false;
  std::string raw = {};
};

struct ModelName {
  std::string name;
  std::string version = {};  // empty: the one there is
};

struct InferRequest {
  ModelName model;
  std::string id = {};
  InferParameters parameters = {};
  std::vector<InferTensor> inputs = {};
  std::vector<std::string> outputs =
      {};  // that are wanted; empty: the text and what inputs ask for
};

// One of the responses to a request.
struct InferResponse {
  std::vector<InferTensor> outputs;
  bool is_final = true;
  AnswerSummary usage = {};  // of the final one
};

// Who asks, and how.
struct InferOrigin {
  std::string authorization = {};  // the header's value
  std::string peer = {};           // "127.0.0.1:41234"
  std::string name = {};           // in logs, and in traces unless the request has an id
  std::int64_t received_ns = 0;    // now_ns()
  bool takes_stream = false;       // else there is one response to a request
};

// Where the responses to one request go. Responses and errors come one at a time, from a thread
// that waits for the call; none behind an error, or a response that is final.
class InferListener {
 public:
  virtual ~InferListener() = default;
  // The engine has the request, and may have answered already; `cancel` ends it, and may be called
  // from any thread, at any time.
  virtual void on_begin(std::function<void()> cancel) = 0;
  virtual void on_response(InferResponse response) = 0;
  virtual void on_error(const ApiError& error) = 0;
  // What was sent waits to be read: text comes later, in fewer responses.
  virtual bool is_slow() const = 0;
  // The client has left.
  virtual bool is_gone() const = 0;
};

// Of all requests, since the server started.
struct InferenceStatistics {
  struct Duration {
    std::uint64_t count = 0;
    std::uint64_t ns = 0;
  };
  std::string name;
  std::uint64_t last_inference_ms = 0;  // since 1970
  std::uint64_t inference_count = 0;    // sequences
  std::uint64_t execution_count = 0;    // forward passes
  Duration success, fail, queue, compute_infer;
};

struct RepositoryEntry {
  std::string name;
  std::string state;  // "READY", "UNAVAILABLE", "LOADING", "UNLOADING"
  std::string reason;
};

// A call that is over, for the log and the counters.
struct RpcRecord {
  // kFailures: what others poll would drown the rest, as over HTTP.
  enum class Logged { kAlways, kFailures };
  std::string_view method;  // "ModelInfer"
  const InferOrigin& origin;
  int status = 200;               // what it would be over HTTP
  std::string_view message = {};  // what failed
  std::optional<AnswerSummary> answer = {};
  Logged logged = Logged::kAlways;
};

// The server, as KServe's clients see it. Thread-safe.
class InferenceServer {
 public:
  virtual ~InferenceServer() = default;

  virtual Reply<> authenticate(std::string_view authorization) const = 0;
  // The client's name for its request when that is fit for logs, else one made up.
  virtual std::string request_id(std::string_view asked) = 0;
  virtual std::string version() const = 0;  // of the program
  virtual bool is_ready() const = 0;
  // 404 for a model, or a version, that isn't served here, loaded or not.
  virtual Reply<> check(const ModelName& model) const = 0;
  virtual InferenceStatistics statistics(const std::string& name) const = 0;
  virtual std::vector<RepositoryEntry> repository() const = 0;
  // `done` may be called at once, or later on another thread.
  virtual void load(const std::string& name, std::function<void(Reply<>)> done) = 0;
  virtual Reply<> unload(const std::string& name) = 0;
  // Errors come through the listener as well, those that `request` has for a start.
  virtual void infer(Reply<InferRequest> request, InferOrigin origin,
                     std::shared_ptr<InferListener> listener) = 0;
  virtual void record(const RpcRecord& rpc) = 0;
};

}  // namespace slip
