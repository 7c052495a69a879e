// What operators and their tools ask: health, metrics, traces, the description of the API.
#include <charconv>

#include "base/os/clock.h"
#include "net/url.h"
#include "serve/openapi.h"
#include "serve/protocol.h"
#include "serve/trace_json.h"

namespace slip {
namespace {

void health(ServeContext& context, Call& call) {
  if (const auto model = context.ready_model(); !model) return call.fail(model.error());
  call.respond_json(R"({"status":"ok"})");
}

void metrics(ServeContext& context, Call& call) {
  const ModelRepository& repository = context.repository();
  std::string text = context.metrics().text(repository.names().front(), repository.engine_stats());
  call.respond(200, {"text/plain; version=0.0.4; charset=utf-8", std::move(text)});
}

// ?requests=N
Reply<std::size_t> n_traced(const Call& call) {
  const auto query =
      SLIP_TRY(to_reply(parse_query(split_target(call.request().target).query), "requests"));
  std::size_t n = EngineTrace::kMaxRequests;
  for (const auto& [name, value] : query) {
    if (name != "requests") continue;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, n);
    if (error == std::errc() && stop == end && n <= EngineTrace::kMaxRequests) continue;
    return bad_field("requests", "invalid_value", "expected 0 … {}, got '{}'",
                     EngineTrace::kMaxRequests, value);
  }
  return n;
}

void trace(ServeContext& context, Call& call) {
  const auto model = context.ready_model();
  if (!model) return call.fail(model.error());
  const auto n = n_traced(call);
  if (!n) return call.fail(n.error());
  call.respond_json(trace_json((*model)->engine->trace().snapshot(*n), now_ns()));
}

void add_routes(Routes& routes, ServeContext& context) {
  using Access = Routes::Access;
  for (const char* path : {"/health", "/v1/health", "/ready"}) {
    routes.add("GET", path, Access::kPublic, [&context](Call& call) { health(context, call); });
  }
  routes.add("GET", "/version", Access::kPublic, [&context](Call& call) {
    call.respond_json(JsonWriter()
                          .begin_object()
                          .key("version")
                          .string(context.version())
                          .end_object()
                          .take_value());
  });
  routes.add("GET", "/metrics", Access::kKey, [&context](Call& call) { metrics(context, call); });
  routes.add("GET", "/debug/trace", Access::kKey, [&context](Call& call) { trace(context, call); });
  routes.add("GET", "/openapi.json", Access::kPublic,
             [](Call& call) { call.respond_json(std::string(openapi_document())); });
}

}  // namespace

const Protocol& protocols_operations() {
  static const Protocol protocol{.name = "operations", .add_routes = add_routes};
  return protocol;
}

}  // namespace slip
