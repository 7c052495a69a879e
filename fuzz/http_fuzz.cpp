// A request cut anywhere is the same request, its target is routed, and no input is worse than an
// error.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/exchange.h"
#include "net/message_parser.h"
#include "net/router.h"
#include "net/url.h"

namespace {

struct Parsed {
  bool is_done = false;
  slip::HttpRequest request;
};

Parsed parse(std::string_view bytes, std::size_t piece) {
  slip::RequestParser parser({.header_bytes = 4096, .body_bytes = 4096});
  std::string input;
  while (!parser.is_done() && !bytes.empty()) {
    input += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    const auto used = parser.feed(input);
    if (!used) return {};
    input.erase(0, *used);
  }
  if (!parser.is_done()) return {};
  SLIP_CHECK(parser.body_bytes() <= 4096);
  return {.is_done = true, .request = parser.take()};
}

slip::Router make_router() {
  slip::Router router;
  for (const char* pattern : {"/", "/v1/models", "/v1/models/{id*}", "/v2/models/{name}/infer",
                              "/v2/models/{name}/versions/{v}/infer", "/{a}/{b}/{c}"}) {
    router.add("GET", pattern, [](const slip::HttpRequest& request, slip::ResponseWriter writer) {
      for (const auto& [name, value] : request.parameters) SLIP_CHECK(!value.empty());
      writer.respond(200, {});
    });
  }
  return router;
}

void route(slip::HttpRequest request) {
  static const slip::Router router = make_router();
  static const auto error_body =
      std::make_shared<const slip::ErrorBody>([](const slip::ServerError& error) {
        return slip::Content{"", std::string(error.message)};
      });
  const slip::Target target = slip::split_target(request.target);
  (void)slip::parse_query(target.query);
  (void)slip::parse_url(request.target);
  auto exchange = std::make_shared<slip::Exchange>(slip::Exchange::Options{
      .max_queued_bytes = 1, .is_head = false, .target = {}, .error_body = error_body, .wake = [] {
      }});
  router.handle(std::move(request), slip::ResponseWriter(exchange));
  SLIP_CHECK(exchange->take().complete);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Parsed pieces = parse(bytes, 1 + data[0]);
  const Parsed whole = parse(bytes, size);
  if (pieces.is_done && whole.is_done) {
    SLIP_CHECK(pieces.request.body == whole.request.body);
    SLIP_CHECK(pieces.request.target == whole.request.target);
  }
  if (whole.is_done) route(whole.request);
  slip::HttpRequest bare;  // targets that the grammar of HTTP would not let through
  bare.method = "GET";
  bare.target = bytes;
  route(std::move(bare));
  return 0;
}
