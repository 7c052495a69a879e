// KServe v2 over HTTP: the Open Inference Protocol with Triton's extensions.
#include <algorithm>
#include <memory>
#include <utility>

#include "serve/fields.h"
#include "serve/kserve/inference_service.h"
#include "serve/kserve/rest_answer.h"
#include "serve/kserve/rest_messages.h"
#include "serve/protocol.h"

namespace slip {
namespace {

using Access = Routes::Access;
using CallRef = std::shared_ptr<Call>;
using Model = std::shared_ptr<const ServedModel>;
using Service = std::shared_ptr<InferenceService>;

// Clients look at the status alone; the protocol has it 4xx for "no".
void answer_state(Call& call, std::string_view name, bool holds) {
  call.respond(holds ? 200 : 400, {"application/json", fmt::format(R"({{"{}":{}}})", name, holds)});
}

ModelName model_of(const Call& call) {
  return {.name = std::string(call.request().parameter("model")),
          .version = std::string(call.request().parameter("version"))};
}

InferOrigin origin_of(const Call& call) {
  const HttpRequest& request = call.request();
  return {.authorization = std::string(request.authorization()),
          .peer = request.peer,
          .name = request.id,
          .received_ns = request.received_ns};
}

Reply<> infer(InferenceService& service, const CallRef& call, const Model& model) {
  RestInferRequest asked = SLIP_TRY(parse_rest_infer(call->request()));
  InferRequest request = std::exchange(asked.request, {});
  asked.request.model = request.model;
  asked.request.id = request.id;
  return service.infer_now(model, std::move(request), origin_of(*call),
                           rest_infer_answer(call, std::move(asked)));
}

enum class Responses { kOne, kMany };

Reply<> generate(InferenceService& service, const CallRef& call, const Model& model,
                 Responses responses) {
  InferRequest request = SLIP_TRY(parse_rest_generate(call->request()));
  InferRequest asked{.model = request.model, .id = request.id};
  InferOrigin origin = origin_of(*call);
  if (responses == Responses::kOne) {
    return service.infer_now(model, std::move(request), origin,
                             rest_generate_answer(call, std::move(asked)));
  }
  origin.takes_stream = true;
  const auto& parameters = request.parameters;
  const bool says = std::any_of(parameters.begin(), parameters.end(),
                                [](const auto& item) { return item.first == "stream"; });
  if (!says) request.parameters.emplace_back("stream", true);
  return service.infer_now(model, std::move(request), origin,
                           rest_stream_answer(call, std::move(asked)));
}

// Patterns with and without a version.
template <class Add>
void add_for_model(const std::string& behind, const Add& add) {
  add("/v2/models/{model}" + behind);
  add("/v2/models/{model}/versions/{version}" + behind);
}

void add_server(Routes& routes, const Service& service) {
  routes.add("GET", "/v2", Access::kPublic, [service](Call& call) {
    call.respond_json(server_metadata_json(service->version()));
  });
  routes.add("GET", "/v2/health/live", Access::kPublic,
             [](Call& call) { answer_state(call, "live", true); });
  routes.add("GET", "/v2/health/ready", Access::kPublic,
             [service](Call& call) { answer_state(call, "ready", service->is_ready()); });
  routes.add("GET", "/v2/models/stats", Access::kKey, [service](Call& call) {
    std::vector<InferenceStatistics> models;
    for (const RepositoryEntry& entry : service->repository()) {
      models.push_back(service->statistics(entry.name));
    }
    call.respond_json(statistics_json(models));
  });
}

// What is told of a model that is known here.
void add_facts(Routes& routes, const Service& service, const std::string& behind,
               std::string (*tell)(const InferenceService& service, const std::string& name)) {
  add_for_model(behind, [&](const std::string& pattern) {
    routes.add("GET", pattern, Access::kKey, [service, tell](Call& call) {
      const ModelName model = model_of(call);
      if (const auto known = service->check(model); !known) return call.fail(known.error());
      call.respond_json(tell(*service, model.name));
    });
  });
}

void add_models(Routes& routes, const Service& service) {
  add_facts(routes, service, "", [](const InferenceService&, const std::string& name) {
    return model_metadata_json(name);
  });
  add_facts(routes, service, "/config", [](const InferenceService&, const std::string& name) {
    return model_config_json(name);
  });
  add_facts(routes, service, "/stats", [](const InferenceService& from, const std::string& name) {
    return statistics_json({from.statistics(name)});
  });
  add_for_model("/ready", [&](const std::string& pattern) {
    routes.add("GET", pattern, Access::kPublic, [service](Call& call) {
      if (const auto known = service->check(model_of(call)); !known) {
        return call.fail(known.error());
      }
      answer_state(call, "ready", service->is_ready());
    });
  });
}

void add_inference(Routes& routes, const Service& service) {
  add_for_model("/infer", [&](const std::string& pattern) {
    routes.add_inference_route(pattern, [service](const CallRef& call, const Model& model) {
      return infer(*service, call, model);
    });
  });
  add_for_model("/generate", [&](const std::string& pattern) {
    routes.add_inference_route(pattern, [service](const CallRef& call, const Model& model) {
      return generate(*service, call, model, Responses::kOne);
    });
  });
  add_for_model("/generate_stream", [&](const std::string& pattern) {
    routes.add_inference_route(pattern, [service](const CallRef& call, const Model& model) {
      return generate(*service, call, model, Responses::kMany);
    });
  });
}

Reply<> list_repository(const InferenceService& service, Call& call) {
  bool only_ready = false;
  if (!call.request().body.empty()) {
    const auto body = SLIP_TRY(parse_body(call.request().body));
    const Fields fields(body);
    only_ready = SLIP_TRY(fields.boolean("ready")).value_or(false);
    SLIP_TRY(fields.object("parameters"));
  }
  auto entries = service.repository();
  std::erase_if(entries,
                [only_ready](const auto& entry) { return only_ready && entry.state != "READY"; });
  call.respond_json(repository_json(entries));
  return {};
}

// A browser sends such a request for any page, without asking whether it may.
bool comes_from_other_page(const Call& call) {
  const std::string* origin = call.request().headers.find("Origin");
  const std::string* host = call.request().headers.find("Host");
  if (origin == nullptr) return false;
  return host == nullptr || (*origin != "http://" + *host && *origin != "https://" + *host);
}
ApiError other_page() {
  return {.status = 403, .message = "a page of another origin may not do this"};
}

// A load may say how the model is to be configured, which options of the program do here.
Reply<> check_load(std::string_view text) {
  if (text.empty()) return {};
  const auto body = SLIP_TRY(parse_body(text));
  const auto* parameters = SLIP_TRY(Fields(body).object("parameters"));
  if (parameters == nullptr || parameters->empty()) return {};
  return Fields(*parameters, "parameters.").reject_unknown();
}

void add_repository(Routes& routes, const Service& service) {
  routes.add("POST", "/v2/repository/index", Access::kKey, [service](Call& call) {
    if (const auto done = list_repository(*service, call); !done) call.fail(done.error());
  });
  routes.add_later("POST", "/v2/repository/models/{model}/load", [service](const CallRef& call) {
    if (comes_from_other_page(*call)) return call->fail(other_page());
    if (const auto fits = check_load(call->request().body); !fits) return call->fail(fits.error());
    service->load(model_of(*call).name, [call](const Reply<>& done) {
      if (!done) return call->fail(done.error());
      call->respond_json("");
    });
  });
  routes.add_later("POST", "/v2/repository/models/{model}/unload", [service](const CallRef& call) {
    if (comes_from_other_page(*call)) return call->fail(other_page());
    if (const auto done = service->unload(model_of(*call).name); !done) {
      return call->fail(done.error());
    }
    call->respond_json("");
  });
}

void add_routes(Routes& routes, ServeContext& context) {
  const auto service = std::make_shared<InferenceService>(context);
  add_server(routes, service);
  add_models(routes, service);
  add_inference(routes, service);
  add_repository(routes, service);
}

}  // namespace

const Protocol& protocols_kserve() {
  static const Protocol protocol{
      .name = "kserve", .add_routes = add_routes, .error_text = kserve_error_json, .prefix = "/v2"};
  return protocol;
}

}  // namespace slip
