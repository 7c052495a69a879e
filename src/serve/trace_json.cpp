#include "serve/trace_json.h"

#include <fmt/format.h>

#include "text/json_writer.h"

namespace slip {
namespace {

constexpr int kRequests = 1, kEngine = 2;  // processes
constexpr std::int64_t kPasses = 1;        // row of the engine

const char* span_name(TraceSpan::Kind kind) {
  switch (kind) {
    case TraceSpan::Kind::kQueued:
      return "queued";
    case TraceSpan::Kind::kPrefill:
      return "prefill";
    case TraceSpan::Kind::kDecode:
      return "decode";
  }
  return "";
}

// Events, each a JSON object.
class Events {
 public:
  Events() { json_.begin_object().key("traceEvents").begin_array(); }

  void name_process(int process, std::string_view name) { name_row("process_name", process, name); }
  void name_thread(int process, std::int64_t thread, std::string_view name) {
    name_row("thread_name", process, name, thread);
  }

  // A complete event, whose args follow until end_event().
  struct Span {
    std::string_view name;
    int process = 0;
    std::int64_t thread = 0;
    std::int64_t begin_ns = 0, end_ns = 0;
  };
  JsonWriter& begin_event(const Span& span) {
    json_.begin_object().key("name").string(span.name).key("ph").string("X");
    json_.key("ts").fixed(static_cast<double>(span.begin_ns) * 1e-3, 3);
    json_.key("dur").fixed(static_cast<double>(span.end_ns - span.begin_ns) * 1e-3, 3);
    json_.key("pid").integer(span.process).key("tid").integer(span.thread);
    return json_.key("args").begin_object();
  }
  void end_event() { json_.end_object().end_object(); }

  std::string take() {
    json_.end_array().key("displayTimeUnit").string("ms");
    return json_.end_object().take_value();
  }

 private:
  void name_row(std::string_view kind, int process, std::string_view name,
                std::int64_t thread = 0) {
    json_.begin_object().key("name").string(kind).key("ph").string("M");
    json_.key("pid").integer(process).key("tid").integer(thread);
    json_.key("args").begin_object().key("name").string(name).end_object().end_object();
  }

  JsonWriter json_;
};

void add_request(Events& events, const RequestTrace& request, std::int64_t now_ns) {
  if (request.n_spans == 0) return;
  const std::string name =
      request.name_size > 0 ? std::string(request.label()) : fmt::format("{}", request.id);
  const auto row = static_cast<std::int64_t>(request.id);
  const auto end_of = [&](const TraceSpan& span) { return span.end_ns > 0 ? span.end_ns : now_ns; };
  events.name_thread(kRequests, row, name);
  JsonWriter& json = events.begin_event({.name = "request",
                                         .process = kRequests,
                                         .thread = row,
                                         .begin_ns = request.begin_ns(),
                                         .end_ns = end_of(request.spans[request.n_spans - 1u])});
  json.key("request_id").string(name);
  if (request.reason) {
    json.key("prompt_tokens").integer(request.n_prompt);
    json.key("cached_tokens").integer(request.n_cached);
    json.key("completion_tokens").integer(request.n_generated);
    json.key("preemptions").integer(request.n_preemptions);
    json.key("finish_reason").string(to_string(*request.reason));
  }
  events.end_event();
  for (std::size_t i = 0; i < request.n_spans; ++i) {
    const TraceSpan& span = request.spans[i];
    events.begin_event({.name = span_name(span.kind),
                        .process = kRequests,
                        .thread = row,
                        .begin_ns = span.begin_ns,
                        .end_ns = end_of(span)});
    json.key("request_id").string(name);
    if (span.kind == TraceSpan::Kind::kPrefill) json.key("tokens").integer(span.n_tokens);
    events.end_event();
  }
}

void add_pass(Events& events, const PassTrace& pass) {
  JsonWriter& json = events.begin_event({.name = "pass",
                                         .process = kEngine,
                                         .thread = kPasses,
                                         .begin_ns = pass.begin_ns,
                                         .end_ns = pass.end_ns});
  json.key("prefill_rows").integer(pass.n_prefill).key("decode_rows").integer(pass.n_decode);
  json.key("running").integer(pass.n_running).key("waiting").integer(pass.n_waiting);
  events.end_event();
}

}  // namespace

std::string trace_json(const TraceSnapshot& snapshot, std::int64_t now_ns) {
  Events events;
  events.name_process(kRequests, "requests");
  events.name_process(kEngine, "engine");
  events.name_thread(kEngine, kPasses, "passes");
  for (const RequestTrace& request : snapshot.requests) add_request(events, request, now_ns);
  for (const PassTrace& pass : snapshot.passes) add_pass(events, pass);
  return events.take();
}

}  // namespace slip
