// Which handler answers a path.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/request.h"
#include "net/response_writer.h"

namespace slip {

// Called on the server's I/O thread, so it must not wait: what takes longer keeps the writer and
// goes on elsewhere. What it throws becomes status 500.
using Handler = std::function<void(HttpRequest request, ResponseWriter writer)>;

// Routes are added before the server starts; from then on any thread may use it.
//
// A pattern is a path whose segments may be parameters: `/v2/models/{name}/versions/{v}/infer`.
// A parameter takes one whole segment, never an empty one; `{id*}` at the end takes one segment or
// more, slashes included. Segments are compared and handed out percent-decoded, so `%2F` is no
// separator. Literal segments win over parameters and these over `{id*}`, whatever the order of
// adding.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // One method and pattern once.
  void add(std::string_view method, std::string_view pattern, Handler handler);

  // Calls the handler, with the pattern's parameters in the request. GET handlers get HEAD as well.
  // What no handler is there for is answered: OPTIONS with 204 and an Allow header, a known path
  // with 405 and Allow, another with 404, an escape that is none with 400.
  void handle(HttpRequest request, ResponseWriter writer) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace slip
