#include "text/template/parser.h"

#include <algorithm>

namespace slip::tmpl {

using Kind = Token::Kind;

const Token& Parser::peek(std::size_t ahead) const {
  return tokens_[std::min(pos_ + ahead, tokens_.size() - 1)];
}

Token Parser::take() {
  Token token = peek();
  if (pos_ + 1 < tokens_.size()) ++pos_;
  return token;
}

bool Parser::skip_name(std::string_view name) {
  if (!peek().is_name(name)) return false;
  take();
  return true;
}

bool Parser::skip_operator(std::string_view op) {
  if (!peek().is_operator(op)) return false;
  take();
  return true;
}

Result<void> Parser::expect_operator(std::string_view op) {
  if (!skip_operator(op)) return unexpected_token(fmt::format("'{}'", op));
  return {};
}

Result<std::string> Parser::expect_name(std::string_view what) {
  if (peek().kind != Kind::kName) return unexpected_token(what);
  return take().text;
}

Result<void> Parser::expect(Kind kind, std::string_view what) {
  if (peek().kind != kind) return unexpected_token(what);
  take();
  return {};
}

tl::unexpected<Error> Parser::error(std::string_view what) const {
  return error_at_line(peek().line, what);
}

tl::unexpected<Error> Parser::unexpected_token(std::string_view wanted) const {
  return error(fmt::format("expected {}, got {}", wanted, describe(peek())));
}

Result<Body> Parser::parse() {
  Body body = SLIP_TRY(parse_until({}));
  if (!unknown_.empty()) return error_at_line(unknown_.front().line, unknown_.front().what);
  return body;
}

// Text, prints and statements up to a block that begins with one of the end tags (left to be
// read), or to the end of the template when there are none.
Result<Body> Parser::parse_until(const EndTags& end_tags) {
  const Nested nested(*this);
  if (nested.too_deep()) return error("blocks are nested too deeply");
  Body body;
  while (true) {
    if (peek().kind == Kind::kEnd) {
      if (!end_tags.empty()) return missing_end(end_tags);
      return body;
    }
    const int line = peek().line;
    if (peek().kind == Kind::kData) {
      body.push_back(std::make_unique<const Node>(Node{line, TextNode{take().text}}));
    } else if (peek().kind == Kind::kVariableBegin) {
      take();
      ExprPtr value = SLIP_TRY(parse_tuple({}));
      SLIP_TRY(expect(Kind::kVariableEnd, "'}}'"));
      body.push_back(std::make_unique<const Node>(Node{line, PrintNode{std::move(value)}}));
    } else {
      SLIP_TRY(expect(Kind::kBlockBegin, "a tag"));
      for (const std::string_view tag : end_tags) {
        if (peek().is_name(tag)) return body;
      }
      body.push_back(SLIP_TRY(parse_statement()));
      SLIP_TRY(expect(Kind::kBlockEnd, "'%}'"));
    }
  }
}

tl::unexpected<Error> Parser::missing_end(const EndTags& end_tags) const {
  std::string tags;
  for (const std::string_view tag : end_tags) {
    if (!tags.empty()) tags += " or ";
    tags += tag;
  }
  return unexpected_token(tags);
}

// The rest of a tag and the body behind it; the end tag is left to be read.
Result<Body> Parser::parse_block_body(const EndTags& end_tags) {
  skip_operator(":");
  SLIP_TRY(expect(Kind::kBlockEnd, "'%}'"));
  return parse_until(end_tags);
}

Result<Body> Parser::parse_closed_body(std::string_view end_tag) {
  Body body = SLIP_TRY(parse_block_body({end_tag}));
  take();
  return body;
}

Result<std::unique_ptr<const Node>> Parser::parse_statement() {
  if (peek().kind != Kind::kName) return unexpected_token("a tag name");
  const Token tag = take();
  Node node = SLIP_TRY(dispatch_statement(tag));
  node.line = tag.line;
  return std::make_unique<const Node>(std::move(node));
}

Result<Node> Parser::dispatch_statement(const Token& tag) {
  const std::string& name = tag.text;
  if (name == "if") return parse_if();
  if (name == "for") return parse_for();
  if (name == "set") return parse_set();
  if (name == "macro") return parse_macro();
  if (name == "call") return parse_call_block();
  if (name == "filter") return parse_filter_block();
  if (name == "with") return parse_with();
  if (name == "generation") return parse_generation();
  if (name == "break" || name == "continue") return parse_loop_control(tag);
  constexpr std::string_view kUnsupported[] = {"block", "extends", "include",   "import",
                                               "from",  "print",   "autoescape"};
  if (std::find(std::begin(kUnsupported), std::end(kUnsupported), name) != std::end(kUnsupported)) {
    return fail(ErrorKind::kUnsupported, "template line {}: tag '{}' is not supported", tag.line,
                name);
  }
  return error_at_line(tag.line, fmt::format("unknown tag '{}'", name));
}

Result<Node> Parser::parse_if() {
  const Frame frame(*this);
  in_branch_ = true;
  IfNode node;
  while (true) {
    ExprPtr condition =
        SLIP_TRY(parse_tuple({.conditional = TupleRules::Conditional::kNotAllowed}));
    Body body = SLIP_TRY(parse_block_body({"elif", "else", "endif"}));
    node.branches.push_back({std::move(condition), std::move(body)});
    if (skip_name("elif")) continue;
    const bool has_else = take().text == "else";
    if (has_else) node.otherwise = SLIP_TRY(parse_closed_body("endif"));
    break;
  }
  return Node{0, std::move(node)};
}

Result<Node> Parser::parse_for() {
  ForNode node;
  {
    const Frame frame(*this);
    in_loop_ = true;  // `loop` is taken
    node.target = SLIP_TRY(parse_target(Targets::kNames));
  }
  if (!skip_name("in")) return unexpected_token("'in'");
  node.iterable = SLIP_TRY(
      parse_tuple({.conditional = TupleRules::Conditional::kNotAllowed, .end_name = "recursive"}));
  const Frame frame(*this);
  in_branch_ = false;
  if (skip_name("if")) node.filter = SLIP_TRY(parse_expression());
  if (peek().is_name("recursive")) {
    return fail(ErrorKind::kUnsupported, "template line {}: recursive loops are not supported",
                peek().line);
  }
  in_loop_ = true;
  node.body = SLIP_TRY(parse_block_body({"else", "endfor"}));
  if (take().text == "else") {
    // What follows the loop belongs to whatever the loop stands in.
    in_loop_ = false;
    node.otherwise = SLIP_TRY(parse_closed_body("endfor"));
  }
  return Node{0, std::move(node)};
}

Result<Node> Parser::parse_set() {
  ExprPtr target = SLIP_TRY(parse_target(Targets::kNamesAndAttributes));
  if (skip_operator("=")) {
    ExprPtr value = SLIP_TRY(parse_tuple({}));
    return Node{0, SetNode{std::move(target), std::move(value)}};
  }
  const Frame frame(*this);
  in_branch_ = false;
  ExprPtr filter;
  if (peek().is_operator("|")) filter = SLIP_TRY(parse_filter_chain(nullptr));
  Body body = SLIP_TRY(parse_closed_body("endset"));
  return Node{0, SetBlockNode{std::move(target), std::move(filter), std::move(body)}};
}

Result<void> Parser::parse_parameters(MacroDefinition& macro) {
  SLIP_TRY(expect_operator("("));
  while (!peek().is_operator(")")) {
    if (!macro.parameters.empty()) SLIP_TRY(expect_operator(","));
    std::string name = SLIP_TRY(expect_name("a parameter name"));
    if (skip_operator("=")) {
      macro.defaults.push_back(SLIP_TRY(parse_expression()));
    } else if (!macro.defaults.empty()) {
      return error("non-default argument follows default argument");
    }
    if (std::find(macro.parameters.begin(), macro.parameters.end(), name) !=
        macro.parameters.end()) {
      return error(fmt::format("duplicate parameter '{}'", name));
    }
    macro.parameters.push_back(std::move(name));
  }
  return expect_operator(")");
}

Result<void> Parser::parse_macro_body(MacroDefinition& macro, std::string_view end_tag) {
  open_macros_.push_back(&macro);
  auto body = parse_closed_body(end_tag);
  open_macros_.pop_back();
  if (!body) return tl::unexpected(std::move(body).error());
  macro.body = std::move(*body);
  return {};
}

Result<Node> Parser::parse_macro() {
  const Frame frame(*this);
  in_branch_ = in_loop_ = false;
  auto macro = std::make_shared<MacroDefinition>();
  macro->line = peek().line;
  macro->name = SLIP_TRY(expect_name("a macro name"));
  SLIP_TRY(parse_parameters(*macro));
  SLIP_TRY(parse_macro_body(*macro, "endmacro"));
  return Node{0, MacroNode{std::move(macro)}};
}

Result<Node> Parser::parse_call_block() {
  auto caller = std::make_shared<MacroDefinition>();
  caller->line = peek().line;
  caller->name = "caller";
  if (peek().is_operator("(")) {
    const Frame frame(*this);
    in_branch_ = false;
    SLIP_TRY(parse_parameters(*caller));
  }
  ExprPtr call = SLIP_TRY(parse_expression());
  if (!std::holds_alternative<CallExpr>(call->kind)) return error("expected a call");
  const Frame frame(*this);
  in_branch_ = in_loop_ = false;
  SLIP_TRY(parse_macro_body(*caller, "endcall"));
  return Node{0, CallNode{std::move(call), std::move(caller)}};
}

Result<Node> Parser::parse_filter_block() {
  const Frame frame(*this);
  in_branch_ = false;
  ExprPtr first = SLIP_TRY(parse_filter(nullptr));
  ExprPtr filter = SLIP_TRY(parse_filter_chain(std::move(first)));
  Body body = SLIP_TRY(parse_closed_body("endfilter"));
  return Node{0, FilterBlockNode{std::move(filter), std::move(body)}};
}

Result<Node> Parser::parse_with() {
  WithNode node;
  while (peek().kind != Kind::kBlockEnd) {
    if (!node.assignments.empty()) SLIP_TRY(expect_operator(","));
    ExprPtr target = SLIP_TRY(parse_target(Targets::kNames));
    SLIP_TRY(expect_operator("="));
    ExprPtr value = SLIP_TRY(parse_expression());
    node.assignments.emplace_back(std::move(target), std::move(value));
  }
  const Frame frame(*this);
  in_branch_ = false;
  node.body = SLIP_TRY(parse_closed_body("endwith"));
  return Node{0, std::move(node)};
}

Result<Node> Parser::parse_generation() {
  const Frame frame(*this);
  in_branch_ = in_loop_ = false;
  auto body = SLIP_TRY(parse_closed_body("endgeneration"));
  return Node{0, ScopeNode{std::move(body)}};
}

Result<Node> Parser::parse_loop_control(const Token& tag) {
  if (!in_loop_) return error_at_line(tag.line, fmt::format("'{}' outside a loop", tag.text));
  if (tag.text == "break") return Node{0, BreakNode{}};
  return Node{0, ContinueNode{}};
}

Result<ExprPtr> Parser::parse_target(Targets targets) {
  const int line = peek().line;
  ListExpr tuple{{}, /*is_tuple=*/true};
  while (true) {
    tuple.items.push_back(SLIP_TRY(parse_target_item(targets)));
    if (!skip_operator(",")) break;
    const Token& next = peek();
    if (next.is_name("in") || next.is_operator("=") || next.is_operator(")") ||
        next.kind == Kind::kBlockEnd) {
      return make(line, std::move(tuple));  // a comma at the end makes a tuple of one
    }
  }
  if (tuple.items.size() == 1) return std::move(tuple.items.front());
  return make(line, std::move(tuple));
}

Result<ExprPtr> Parser::parse_target_item(Targets targets) {
  const Nested nested(*this);
  if (nested.too_deep()) return error("expressions are nested too deeply");
  const int line = peek().line;
  if (skip_operator("(")) {
    ExprPtr target = SLIP_TRY(parse_target(Targets::kNames));
    SLIP_TRY(expect_operator(")"));
    return target;
  }
  const Token name = peek();
  SLIP_TRY(expect_name("a name to assign to"));
  constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
  if (std::find(std::begin(kConstants), std::end(kConstants), name.text) != std::end(kConstants)) {
    return error_at_line(line, fmt::format("can't assign to '{}'", name.text));
  }
  if (targets == Targets::kNamesAndAttributes && skip_operator(".")) {
    auto attribute = SLIP_TRY(expect_name("an attribute name"));
    return make(line, AttributeTarget{name.text, std::move(attribute)});
  }
  if (in_loop_ && name.text == "loop") {
    return error_at_line(line, "can't assign to the special variable 'loop'");
  }
  return make(line, NameExpr{name.text});
}

}  // namespace slip::tmpl
