// What operators and their tools ask: health, metrics, the description of the API.
#include "serve/openapi.h"
#include "serve/protocol.h"

namespace slip {
namespace {

void health(ServeContext& context, Call& call) {
  if (const auto model = context.ready_model(); !model) return call.fail(model.error());
  call.respond_json(R"({"status":"ok"})");
}

void metrics(ServeContext& context, Call& call) {
  const auto model = context.model();
  std::string text;
  if (model == nullptr) {
    text = context.metrics().text("", nullptr);
  } else {
    const EngineStats stats = model->engine->stats();
    text = context.metrics().text(model->names.front(), &stats);
  }
  call.respond(200, {"text/plain; version=0.0.4; charset=utf-8", std::move(text)});
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
  routes.add("GET", "/openapi.json", Access::kPublic,
             [](Call& call) { call.respond_json(std::string(openapi_document())); });
}

}  // namespace

const Protocol& protocols_operations() {
  static const Protocol protocol{.name = "operations", .add_routes = add_routes};
  return protocol;
}

}  // namespace slip
