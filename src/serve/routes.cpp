#include "serve/routes.h"

#include <exception>

namespace slip {

void Routes::add_call(std::string_view method, const std::string& pattern, Call::Logged logged,
                      CallHandler handler) {
  list_.emplace_back(method, pattern);
  router_.add(
      method, pattern,
      [&context = context_,
       style =
           ServeContext::CallStyle{.route = pattern, .error_text = error_text_, .logged = logged},
       handle = std::move(handler)](HttpRequest request, ResponseWriter writer) {
        handle(context.make_call(style, std::move(request), std::move(writer)));
      });
}

void Routes::add(std::string_view method, const std::string& pattern, Access access,
                 Handler handler) {
  add_call(method, pattern, Call::Logged::kFailures,
           [&context = context_, access,
            handle = std::move(handler)](const std::shared_ptr<Call>& call) {
             if (access == Access::kKey) {
               if (const auto allowed = context.authenticate(call->request()); !allowed) {
                 return call->fail(allowed.error());
               }
             }
             handle(*call);
           });
}

void Routes::add_later(std::string_view method, const std::string& pattern, CallHandler handler) {
  add_call(method, pattern, Call::Logged::kAlways,
           [&context = context_, handle = std::move(handler)](const std::shared_ptr<Call>& call) {
             if (const auto allowed = context.authenticate(call->request()); !allowed) {
               return call->fail(allowed.error());
             }
             handle(call);
           });
}

void Routes::add_model_route(std::string_view method, const std::string& pattern,
                             ModelHandler handler) {
  const auto shared = std::make_shared<const ModelHandler>(std::move(handler));
  add_call(method, pattern, Call::Logged::kAlways,
           [&context = context_, shared](const std::shared_ptr<Call>& call) {
             if (const auto allowed = context.authenticate(call->request()); !allowed) {
               return call->fail(allowed.error());
             }
             auto model = context.ready_model();
             if (!model) return call->fail(model.error());
             const bool is_taken = context.worker().post([shared, call, model = *model] {
               try {
                 if (const auto done = (*shared)(call, model); !done) call->fail(done.error());
               } catch (const std::exception& error) {
                 call->fail({.status = 500, .message = error.what()});
               }
             });
             if (!is_taken) {
               call->fail({.status = 429,
                           .message = "the queue is full",
                           .code = "rate_limit_exceeded",
                           .retry_after_s = retry_after_s((*model)->engine->stats())});
             }
           });
}

}  // namespace slip
