// Tokens → tree. A recursive-descent parser of Jinja's grammar (precedence from low to high:
// conditional, or, and, not, comparison, + -, ~, * / // %, **, unary, postfix, filter and test).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/ast.h"
#include "text/template/lexer.h"

namespace slip::tmpl {

// Parses one template. parser.cpp has the statements, parser_expressions.cpp the rest.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Result<Body> parse();

 private:
  static constexpr int kMaxExprDepth = 200;  // operands within operands
  static constexpr int kMaxNesting = 100;    // brackets within brackets, blocks within blocks

  // How a comma-separated list of expressions may look.
  struct TupleRules {
    enum class Conditional { kAllowed, kNotAllowed } conditional = Conditional::kAllowed;
    enum class Empty { kAllowed, kNotAllowed } empty = Empty::kNotAllowed;
    std::string_view end_name = {};  // a name that ends it
  };
  // What may stand on the left of a set besides names.
  enum class Targets { kNames, kNamesAndAttributes };
  struct UnknownName {
    int line;
    std::string what;
  };
  class Nested;
  class Frame;

  // Tokens.
  const Token& peek(std::size_t ahead = 0) const;
  Token take();
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view op);
  Result<void> expect_operator(std::string_view op);
  Result<std::string> expect_name(std::string_view what);
  Result<void> expect(Token::Kind kind, std::string_view what);
  tl::unexpected<Error> error(std::string_view what) const;
  tl::unexpected<Error> unexpected_token(std::string_view wanted) const;

  // Statements.
  using EndTags = std::vector<std::string_view>;
  Result<Body> parse_until(const EndTags& end_tags);
  Result<Body> parse_block_body(const EndTags& end_tags);
  Result<Body> parse_closed_body(std::string_view end_tag);
  Result<std::unique_ptr<const Node>> parse_statement();
  Result<Node> dispatch_statement(const Token& tag);
  Result<Node> parse_if();
  Result<Node> parse_for();
  Result<Node> parse_set();
  Result<Node> parse_macro();
  Result<Node> parse_call_block();
  Result<Node> parse_filter_block();
  Result<Node> parse_with();
  Result<Node> parse_generation();
  Result<Node> parse_loop_control(const Token& tag);
  Result<void> parse_parameters(MacroDefinition& macro);
  Result<void> parse_macro_body(MacroDefinition& macro, std::string_view end_tag);
  Result<ExprPtr> parse_target(Targets targets);
  Result<ExprPtr> parse_target_item(Targets targets);
  tl::unexpected<Error> missing_end(const EndTags& end_tags) const;

  // Expressions.
  template <class Kind>
  Result<ExprPtr> make(int line, Kind kind) const;
  Result<ExprPtr> parse_tuple(TupleRules rules);
  bool at_tuple_end(const TupleRules& rules) const;
  Result<ExprPtr> parse_expression();
  Result<ExprPtr> parse_or();
  Result<ExprPtr> parse_and();
  Result<ExprPtr> parse_not();
  Result<ExprPtr> parse_comparison();
  Result<ExprPtr> parse_sum();
  Result<ExprPtr> parse_concat();
  Result<ExprPtr> parse_product();
  Result<ExprPtr> parse_power();
  enum class Filters { kAllowed, kNotAllowed };
  Result<ExprPtr> parse_unary(Filters filters);
  Result<ExprPtr> parse_primary();
  Result<ExprPtr> parse_name();
  Result<ExprPtr> parse_list();
  Result<ExprPtr> parse_dict();
  Result<ExprPtr> parse_postfix(ExprPtr expr);
  Result<ExprPtr> parse_subscript(ExprPtr object);
  Result<ExprPtr> parse_subscript_key();
  Result<ExprPtr> parse_filters_and_tests(ExprPtr expr);
  Result<ExprPtr> parse_filter(ExprPtr operand);
  Result<ExprPtr> parse_filter_chain(ExprPtr operand);
  Result<ExprPtr> parse_test(ExprPtr operand);
  Result<std::string> parse_dotted_name();
  Result<Arguments> parse_arguments();
  Result<ExprPtr> parse_optional_slice_part();

  std::vector<Token> tokens_;
  std::size_t pos_ = 0;
  int nesting_ = 0;
  bool in_loop_ = false;
  // Within a branch an unknown filter is an error only once it is reached.
  bool in_branch_ = false;
  std::vector<UnknownName> unknown_;
  std::vector<MacroDefinition*> open_macros_;
};

// Counts one level of nesting for as long as it lives.
class Parser::Nested {
 public:
  explicit Nested(Parser& parser) : parser_(parser) { ++parser_.nesting_; }
  ~Nested() { --parser_.nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;
  bool too_deep() const { return parser_.nesting_ > kMaxNesting; }

 private:
  Parser& parser_;
};

// Restores the parser's block-dependent flags at the end of a block.
class Parser::Frame {
 public:
  explicit Frame(Parser& parser)
      : parser_(parser), in_loop_(parser.in_loop_), in_branch_(parser.in_branch_) {}
  ~Frame() {
    parser_.in_loop_ = in_loop_;
    parser_.in_branch_ = in_branch_;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  Parser& parser_;
  bool in_loop_, in_branch_;
};

// The largest depth among an expression's operands.
int operand_depth(const ExprPtr& expr);
int operand_depth(const Arguments& arguments);

}  // namespace slip::tmpl
