#include "serve/routes.h"

#include <exception>

#include "base/os/clock.h"

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
               if (const auto admitted = context.admit(call->request()); !admitted) {
                 return call->fail(admitted.error());
               }
             }
             handle(*call);
           });
}

void Routes::add_later(std::string_view method, const std::string& pattern, CallHandler handler) {
  add_call(method, pattern, Call::Logged::kAlways,
           [&context = context_, handle = std::move(handler)](const std::shared_ptr<Call>& call) {
             if (const auto admitted = context.admit(call->request()); !admitted) {
               return call->fail(admitted.error());
             }
             handle(call);
           });
}

void Routes::add_with_model(std::string_view method, const std::string& pattern, Purpose purpose,
                            ModelHandler handler) {
  const auto shared = std::make_shared<const ModelHandler>(std::move(handler));
  const auto refuse = [purpose](Call& call, const ApiError& error) {
    if (purpose == Purpose::kInference) {
      call.metrics().count_request(outcome_of(error.status), now_ns() - call.request().received_ns);
    }
    call.fail(error);
  };
  add_call(method, pattern, Call::Logged::kAlways,
           [&context = context_, shared, refuse](const std::shared_ptr<Call>& call) {
             if (const auto admitted = context.admit(call->request()); !admitted) {
               return call->fail(admitted.error());
             }
             auto model = context.ready_model();
             if (!model) return call->fail(model.error());
             const bool is_taken = context.worker().post([shared, refuse, call, model = *model] {
               try {
                 if (const auto done = (*shared)(call, model); !done) refuse(*call, done.error());
               } catch (const std::exception& error) {
                 refuse(*call, {.status = 500, .message = error.what()});
               }
             });
             if (!is_taken) {
               refuse(*call, {.status = 429,
                              .message = "the queue is full",
                              .code = "rate_limit_exceeded",
                              .retry_after_s = retry_after_s((*model)->engine->stats())});
             }
           });
}

}  // namespace slip
