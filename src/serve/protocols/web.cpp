// The page at "/", and what it loads: the files of web/.
#include "serve/protocol.h"
#include "serve/web_files.h"

namespace slip {
namespace {

void send_file(const WebFile& file, Call& call) {
  ResponseWriter& writer = call.writer();
  for (const WebHeader& header : web_headers()) writer.add_header(header.name, header.value);
  writer.add_header("ETag", file.etag);
  const std::string* known = call.request().headers.find("If-None-Match");
  if (known != nullptr && matches_etag(*known, file.etag)) return call.respond(304, {});
  call.respond(200, {std::string(file.media_type), std::string(file.content)});
}

void add_routes(Routes& routes, ServeContext&) {
  const auto add = [&routes](std::string_view path, const WebFile& file) {
    routes.add("GET", std::string(path), Routes::Access::kPublic,
               [&file](Call& call) { send_file(file, call); });
  };
  for (const WebFile& file : web_files()) add(file.path, file);
  add("/", *find_web_file("/"));
}

}  // namespace

const Protocol& protocols_web() {
  static const Protocol protocol{.name = "web", .add_routes = add_routes};
  return protocol;
}

}  // namespace slip
