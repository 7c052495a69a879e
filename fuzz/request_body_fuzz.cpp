// Bodies of the OpenAI protocol and of KServe: each becomes a request within its bounds, or an
// error that says something. The first byte says which; for infer with binary data behind its JSON,
// the second is how many bytes of four the JSON has.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "serve/kserve/rest_messages.h"
#include "serve/kserve/text_inference.h"
#include "serve/openai/requests.h"

using namespace slip;

namespace {

// Null after an error.
template <class T>
const T* checked(const Reply<T>& reply) {
  if (reply) return &*reply;
  SLIP_CHECK(!reply.error().message.empty());
  SLIP_CHECK(reply.error().status >= 400 && reply.error().status < 500);
  SLIP_CHECK(!to_json(reply.error()).empty());
  return nullptr;
}

void check_options(const GenerationOptions& options) {
  SLIP_CHECK(options.n >= 1 && options.n <= kMaxChoices);
  SLIP_CHECK(options.stop.size() <= kMaxStops);
  SLIP_CHECK(options.sampling.temperature >= 0 && options.sampling.temperature <= 2);
}

void parse_inference(const InferRequest& request) {
  const auto reply = parse_text_inference(request, SamplingParams{});
  const TextInference* inference = checked(reply);
  if (inference == nullptr) return;
  SLIP_CHECK(inference->options.size() == inference->texts.size());
  for (const GenerationOptions& options : inference->options) check_options(options);
}

void parse_kserve(std::uint8_t kind, std::string_view body) {
  HttpRequest http;
  http.parameters = {{"model", "tiny"}};
  if (kind == 3 && !body.empty()) {
    const std::size_t n_json = (body.size() - 1) * static_cast<std::uint8_t>(body[0]) / 4;
    body.remove_prefix(1);
    http.headers.add("Inference-Header-Content-Length", std::to_string(n_json));
  }
  http.body = body;
  if (kind == 5) {
    const auto reply = parse_rest_generate(http);
    if (const auto* request = checked(reply)) parse_inference(*request);
  } else {
    const auto reply = parse_rest_infer(http);
    if (const auto* request = checked(reply)) parse_inference(request->request);
  }
}

void parse_openai(std::uint8_t kind, std::string_view text) {
  const auto body = parse_body(text);
  if (checked(body) == nullptr) return;
  const Fields fields(*body);
  if (kind == 0) {
    const auto reply = parse_chat_request(fields, SamplingParams{});
    if (const auto* request = checked(reply)) {
      check_options(request->options);
      SLIP_CHECK(request->messages.size() <= kMaxMessages);
    }
  } else if (kind == 1) {
    const auto reply = parse_completion_request(fields, SamplingParams{});
    if (const auto* request = checked(reply)) {
      check_options(request->options);
      SLIP_CHECK(!request->prompts.empty() && request->prompts.size() <= kMaxPrompts);
    }
  } else {
    checked(parse_embedding_request(fields));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto kind = static_cast<std::uint8_t>(data[0] % 6);
  if (kind < 3) {
    parse_openai(kind, body);
  } else {
    parse_kserve(kind, body);
  }
  return 0;
}
