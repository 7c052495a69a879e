#include "text/grammar/gbnf.h"

#include <gtest/gtest.h>

#include "text_grammar/matching.h"

namespace slip::grammar {
namespace {

using test::matches;

Grammar parsed(std::string_view text) {
  auto grammar = parse_gbnf(text);
  EXPECT_TRUE(grammar.has_value()) << grammar.error().message;
  return grammar ? std::move(*grammar) : Grammar();
}

std::string refused(std::string_view text) {
  return test::refusal(parse_gbnf(text));
}

TEST(Gbnf, Json) {
  const Grammar g = parsed(R"g(# any JSON
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9]{1,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
)g");
  EXPECT_TRUE(matches(g, R"({"a": [1, -2.5e+7, "x\u00e9\n", {}], "é": null})"));
  EXPECT_FALSE(matches(g, R"({"a": 01})"));
  EXPECT_FALSE(matches(g, R"({"a": "x)"
                          "\n"
                          R"("})"));
  EXPECT_FALSE(matches(g, R"({"a": [1, 2})"));
  EXPECT_FALSE(matches(g, "[]"));
}

TEST(Gbnf, ListArithmeticAndC) {
  const Grammar list = parsed("root ::= item+\nitem ::= \"- \" [^\\r\\n\\x0b]+ \"\\n\"");
  EXPECT_TRUE(matches(list, "- äpfel\n- b\n"));
  EXPECT_FALSE(matches(list, "- a"));
  const Grammar sums = parsed(R"g(root ::= (expr "=" ws term "\n")+
expr ::= term ([-+*/] term)*
term ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num ::= [0-9]+ ws
ws ::= [ \t\n]*)g");
  EXPECT_TRUE(matches(sums, "(a1+2)*3 = 7\n"));
  EXPECT_FALSE(matches(sums, "(a1+2*3 = 7\n"));
  const Grammar c = parsed(R"g(root ::= (declaration)*
declaration ::= type " " name "(" parameter? ")" "{" statement* "}"
type ::= "int" | "float" | "char"
name ::= [a-zA-Z_] [a-zA-Z_0-9]*
parameter ::= type " " name
statement ::= type " " name " = " expression ";" | "return " expression ";"
  | "while" "(" condition ")" "{" statement* "}" | "//" [^\n]* "\n"
condition ::= expression ("==" | "<=" | "<") expression
expression ::= term (("+" | "-") term)*
term ::= unary (("*" | "/") unary)*
unary ::= "-"? name | [0-9]+ | "(" expression ")")g");
  EXPECT_TRUE(matches(c, "int f(int x){while(x<(1+2)*x){int y = -x;}return y;// x\n}"));
  EXPECT_FALSE(matches(c, "int f(int x){return y}"));
}

TEST(Gbnf, CharactersAndEscapes) {
  EXPECT_TRUE(matches(parsed(R"g(root ::= "\x41\u00e9\U0001F600\"\\")g"), "Aé😀\"\\"));
  EXPECT_TRUE(matches(parsed(R"g(root ::= [\]\-^a-c]+)g"), "]-^abc"));
  EXPECT_TRUE(matches(parsed("root ::= [a-]+"), "a-"));
  const Grammar any = parsed("root ::= .");
  for (const char* c : {"a", "\n", "é", "中", "😀"}) EXPECT_TRUE(matches(any, c)) << c;
  for (const char* c : {"", "ab", "\xff", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(matches(any, c));
  }
  const Grammar no_e = parsed("root ::= [^é]");
  EXPECT_FALSE(matches(no_e, "é"));
  EXPECT_TRUE(matches(no_e, "è"));
  EXPECT_TRUE(matches(no_e, "\n"));
}

TEST(Gbnf, Repetitions) {
  const Grammar g = parsed(R"g(root ::= "a"{2} "b"{1,3} "c"{0,} "d"? ("e" | "fg"){2,})g");
  EXPECT_TRUE(matches(g, "aabccfge"));
  EXPECT_TRUE(matches(g, "aabbbdee"));
  EXPECT_FALSE(matches(g, "aabbbbee"));
  EXPECT_FALSE(matches(g, "aabe"));
  EXPECT_FALSE(matches(g, "abee"));
  const Grammar nested = parsed(R"g(root ::= (("a" "b"?){2,3} "c"){1,2})g");
  for (const char* text : {"aac", "abaabc", "aacabac"}) EXPECT_TRUE(matches(nested, text)) << text;
  for (const char* text : {"ac", "aaaac", "aacac", "aacaacaac", ""}) {
    EXPECT_FALSE(matches(nested, text)) << text;
  }
  const Grammar empty = parsed(R"g(root ::= ("a"?){3,5} "b")g");
  for (const char* text : {"b", "ab", "aaaaab"}) EXPECT_TRUE(matches(empty, text)) << text;
  EXPECT_FALSE(matches(empty, "aaaaaab"));
  const std::string many(70'000, 'x');
  const Grammar counted = parsed("root ::= \"x\"{70000}");
  EXPECT_TRUE(matches(counted, many));
  EXPECT_FALSE(matches(counted, many.substr(1)));
}

TEST(Gbnf, RecursionWithoutEndInTheMiddleAndAtTheEnd) {
  const Grammar nest = parsed(R"g(root ::= "(" root ")" | "x")g");
  EXPECT_TRUE(matches(nest, std::string(3000, '(') + "x" + std::string(3000, ')')));
  EXPECT_FALSE(matches(nest, "((x)"));
  const Grammar right = parsed("root ::= \"a\" root | \"b\"");
  EXPECT_TRUE(matches(right, std::string(3000, 'a') + "b"));
}

TEST(Gbnf, ErrorsNameLineAndColumn) {
  EXPECT_EQ(refused("root ::= \"a\" x\nx ::= *"),
            "grammar: line 2, column 7: expected something to repeat before '*'");
  EXPECT_EQ(refused("root ::= \"a"),
            "grammar: line 1, column 12: expected \" at the end of the literal");
  EXPECT_EQ(refused("root ::= [a"),
            "grammar: line 1, column 12: expected ] at the end of the class");
  EXPECT_EQ(
      refused("root ::= \"\\q\""),
      "grammar: line 1, column 12: expected an escape: one of \\n \\r \\t \\\\ \\\" \\[ \\] \\x "
      "\\u \\U");
  EXPECT_EQ(refused("root ::= \"\\xg0\""),
            "grammar: line 1, column 13: expected 2 hexadecimal digits");
  EXPECT_EQ(refused("root ::= [z-a]"),
            "grammar: line 1, column 14: expected a range with its smaller end first");
  EXPECT_EQ(refused("root ::= a b\na ::= \"x\""),
            "grammar: line 1, column 12: rule 'b' is not defined");
  EXPECT_EQ(refused("root ::= \"a\"\nroot ::= \"b\""),
            "grammar: line 2, column 1: rule 'root' is there twice");
  EXPECT_EQ(refused("x ::= \"a\""), "grammar: expected a rule named root");
  EXPECT_EQ(refused("root = \"a\""), "grammar: line 1, column 6: expected ::= after 'root'");
  EXPECT_EQ(refused("root ::= (\"a\""), "grammar: line 1, column 14: expected )");
  EXPECT_EQ(refused("root ::= \"a\" )"),
            "grammar: line 1, column 14: expected the end of the line, got ')'");
  EXPECT_EQ(refused("root ::= \"a\"{3,2}"),
            "grammar: line 1, column 18: expected the smaller number of repetitions first");
  EXPECT_EQ(refused("root ::= \"a\"{1000000}"),
            "grammar: line 1, column 14: expected at most 100000 repetitions");
  EXPECT_EQ(refused("root ::= <think>"),
            "grammar: line 1, column 10: tokens (<name>, <[id]>) are not supported");
}

TEST(Gbnf, WhatCanNotBeFollowedIsRefused) {
  EXPECT_EQ(refused("root ::= root \"a\" | \"b\""),
            "grammar: rule 'root' begins with itself (left recursion)");
  EXPECT_EQ(refused("root ::= x\nx ::= y \"a\" | \"b\"\ny ::= \"c\"? x"),
            "grammar: rule 'x' begins with itself (left recursion)");
  EXPECT_EQ(refused("root ::= \"a\" root"), "grammar: no finite text matches rule 'root'");
  EXPECT_EQ(refused("root ::= (\"a\"?){100}"),
            "grammar: what may be empty is repeated 100 times, expected at most 64");
  EXPECT_NE(refused(std::string(150, '(')).find("expected"), std::string::npos);
  EXPECT_NE(refused("root ::= " + std::string(150, '(')).find("groups within each other"),
            std::string::npos);
  EXPECT_NE(refused(std::string(kMaxSourceBytes + 1, ' ')).find("expected at most"),
            std::string::npos);
  std::string doubling = "root ::= a0\n";
  for (int i = 0; i < 30; ++i) {
    const std::string next = "a" + std::to_string(i + 1);
    doubling += "a" + std::to_string(i) + " ::= " + next + " " + next + "\n";
  }
  EXPECT_EQ(refused(doubling + "a30 ::= \"x\""), "");
  EXPECT_NE(refused("root ::= " + std::string(200'000, '.')).find("expected at most"),
            std::string::npos);
}

}  // namespace
}  // namespace slip::grammar
