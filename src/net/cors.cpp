#include "net/cors.h"

namespace slip {

bool answer_cors(const std::string& origin, const HttpRequest& request, ResponseWriter& writer) {
  if (request.headers.find("Origin") == nullptr) return false;
  writer.add_header("Access-Control-Allow-Origin", origin);
  if (origin != "*") writer.add_header("Vary", "Origin");
  writer.add_header("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
  const std::string* method = request.headers.find("Access-Control-Request-Method");
  if (request.method != "OPTIONS" || method == nullptr) return false;
  writer.add_header("Access-Control-Allow-Methods", *method);
  if (const std::string* names = request.headers.find("Access-Control-Request-Headers")) {
    writer.add_header("Access-Control-Allow-Headers", *names);
  }
  writer.add_header("Access-Control-Max-Age", "3600");
  writer.respond(204, {});
  return true;
}

}  // namespace slip
