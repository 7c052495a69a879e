// Jinja templates as chat models carry them: the subset of Jinja 3.1 that transformers gives them
// (trim_blocks, lstrip_blocks, loop controls, {% generation %}, an immutable sandbox), with
// Python's semantics for the values. Behaviour follows the Jinja documentation
// (jinja.palletsprojects.com/templates) and is held to jinja2 itself by golden files.
//
// Where it differs: integers have 64 bits and overflow is an error; block, extends, include,
// import, print, autoescape and recursive loops are errors, as are the filters that lay out web
// pages (urlize, xmlattr, striptags, wordwrap, pprint, filesizeformat) and random; a variable of
// the context is visible in a block until the block sets one of that name (jinja2 hides it from
// the block's beginning when a plain set comes first in the source).
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/template/value.h"

namespace slip::tmpl {

// Bounds on a render. A template comes out of a model file, so it is outside input.
struct Limits {
  std::size_t max_steps = 50'000'000;  // evaluated nodes and touched items
  std::size_t max_bytes = 512u << 20;  // of strings and lists made, summed over the render
  std::size_t max_output_bytes = 64u << 20;
};

struct RenderOptions {
  std::optional<std::tm> now;  // what strftime_now sees; local time when absent
  Limits limits;
};

struct Node;

// A parsed template. Immutable: render() may be called from many threads at once. Nothing but the
// context and the functions of the language can be reached from inside a template.
class Template {
 public:
  // Source above 1 MiB is refused. An error names the line: "template line 3: expected …, got …".
  static Result<Template> parse(std::string_view source);

  // `context`: a dict of the variables. Errors name the line and carry the text that the template
  // gave to raise_exception.
  Result<std::string> render(const Value& context, const RenderOptions& options = {}) const;

 private:
  explicit Template(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace slip::tmpl
