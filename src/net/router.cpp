#include "net/router.h"

#include <algorithm>

#include "base/check.h"
#include "net/url.h"

namespace slip {
namespace {

struct Route {
  Handler handler;
  std::vector<std::string> parameters;  // names, in the order of the path
};

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

}  // namespace

// A segment's place in the tree of all patterns.
struct Router::Node {
  std::map<std::string, Node, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  std::unique_ptr<Node> rest;
  std::map<std::string, Route, std::less<>> routes;  // by method

  // The best node with routes for segments[from…]; null when there is none. `values` are those of
  // its parameters.
  const Node* find(const std::vector<std::string>& segments, std::size_t from,
                   std::vector<std::string>& values) const;
};

const Router::Node* Router::Node::find(const std::vector<std::string>& segments, std::size_t from,
                                       std::vector<std::string>& values) const {
  if (from == segments.size()) return routes.empty() ? nullptr : this;
  if (const auto child = literals.find(segments[from]); child != literals.end()) {
    if (const Node* found = child->second.find(segments, from + 1, values)) return found;
  }
  if (segments[from].empty()) return nullptr;
  if (parameter) {
    values.push_back(segments[from]);
    if (const Node* found = parameter->find(segments, from + 1, values)) return found;
    values.pop_back();
  }
  if (!rest) return nullptr;
  std::string joined = segments[from];
  for (std::size_t i = from + 1; i < segments.size(); ++i) {
    joined += '/';
    joined += segments[i];
  }
  values.push_back(std::move(joined));
  return rest.get();
}

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  SLIP_CHECK(pattern.starts_with('/'));
  Route route{.handler = std::move(handler), .parameters = {}};
  Node* node = root_.get();
  for (const std::string_view segment : split_path(pattern)) {
    if (!segment.starts_with('{')) {
      node = &node->literals[std::string(segment)];
      continue;
    }
    const bool is_rest = segment.ends_with("*}");
    SLIP_CHECK(segment.size() > 2 && segment.ends_with('}'));
    SLIP_CHECK(!is_rest || segment.end() == pattern.end());
    route.parameters.emplace_back(segment.substr(1, segment.size() - (is_rest ? 3 : 2)));
    auto& child = is_rest ? node->rest : node->parameter;
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  const bool is_new = node->routes.emplace(method, std::move(route)).second;
  SLIP_CHECK(is_new);
}

void Router::handle(HttpRequest request, ResponseWriter writer) const {
  std::vector<std::string> segments;
  for (const std::string_view segment : split_path(split_target(request.target).path)) {
    auto decoded = percent_decode(segment);
    if (!decoded) return writer.fail(400, decoded.error().message);
    segments.push_back(std::move(*decoded));
  }
  std::vector<std::string> values;
  const Node* node = segments.empty() ? nullptr : root_->find(segments, 0, values);
  if (node == nullptr) return writer.fail(404, "there is nothing at this path");

  auto route = node->routes.find(request.method);
  if (route == node->routes.end() && request.method == "HEAD") route = node->routes.find("GET");
  if (route != node->routes.end()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      request.parameters.emplace_back(route->second.parameters[i], std::move(values[i]));
    }
    return route->second.handler(std::move(request), std::move(writer));
  }
  std::string allow;
  for (const auto& [method, ignored] : node->routes) {
    allow += method + ", ";
    if (method == "GET" && !node->routes.contains("HEAD")) allow += "HEAD, ";
  }
  writer.add_header("Allow", allow + "OPTIONS");
  if (request.method == "OPTIONS") return writer.respond(204, {});
  writer.fail(405, "this path has no method " + request.method);
}

}  // namespace slip
