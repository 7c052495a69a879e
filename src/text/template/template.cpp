#include "text/template/template.h"

#include "text/template/interpreter.h"
#include "text/template/parser.h"

namespace slip::tmpl {
namespace {

constexpr std::size_t kMaxSourceBytes = 1u << 20;

}  // namespace

Result<Template> Template::parse(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return fail(ErrorKind::kLimit, "template: expected at most {} bytes, got {}", kMaxSourceBytes,
                source.size());
  }
  Parser parser(SLIP_TRY(tokenize(source)));
  Body body = SLIP_TRY(parser.parse());
  return Template(std::make_shared<const Node>(Node{1, ScopeNode{std::move(body)}}));
}

Result<std::string> Template::render(const Value& context, const RenderOptions& options) const {
  if (context.depth() > Value::kMaxDepth) {
    return fail(ErrorKind::kLimit, "template: expected values nested at most {} deep, got {}",
                Value::kMaxDepth, context.depth());
  }
  Runtime runtime(options);
  Interpreter interpreter(runtime, context);
  Result<std::string> text = interpreter.run(*root_);
  if (text) return text;
  Error error = std::move(text).error();
  error.message = fmt::format("template line {}: {}", interpreter.error_line(), error.message);
  return tl::unexpected(std::move(error));
}

}  // namespace slip::tmpl
