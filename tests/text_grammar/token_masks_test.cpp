// Masks against a plain recogniser, over random grammars and vocabularies.
#include "text/grammar/token_masks.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "text/grammar/gbnf.h"
#include "text_grammar/earley.h"

namespace slip::grammar {
namespace {

const std::vector<std::string> kAlphabet{"a", "b", "c", "é"};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  int below(int n) { return static_cast<int>(random_bits(seed_, n_++) % static_cast<unsigned>(n)); }

 private:
  std::uint64_t seed_;
  std::uint64_t n_ = 0;
};

std::string random_text(Dice& dice, int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += kAlphabet[static_cast<std::size_t>(dice.below(4))];
  return text;
}

ExprId random_expr(Grammar& g, Dice& dice, int depth) {
  const int n_rules = static_cast<int>(g.n_rules());
  switch (dice.below(depth == 0 ? 3 : 9)) {
    case 0:
      return g.text(random_text(dice, dice.below(4)));
    case 1:
      return g.chars(CharSet::of(std::string("abc").substr(static_cast<std::size_t>(dice.below(3))))
                         .unite(dice.below(2) == 0 ? CharSet({{0xe9, 0xe9}}) : CharSet()));
    case 2:
      return g.reference(dice.below(n_rules));
    case 3:
    case 4:
      return g.sequence({random_expr(g, dice, depth - 1), random_expr(g, dice, depth - 1)});
    case 5:
      return g.choice({random_expr(g, dice, depth - 1), random_expr(g, dice, depth - 1)});
    case 6: {
      constexpr Times kLoops[] = {{0, 1}, {0, Times::kUnbounded}, {1, Times::kUnbounded}};
      return g.repeat(random_expr(g, dice, depth - 1), kLoops[dice.below(3)]);
    }
    case 7: {
      const int min = dice.below(4);
      const int max = dice.below(3) == 0 ? Times::kUnbounded : min + dice.below(12);
      // Of something plain: counts within counts multiply.
      const ExprId part =
          g.choice({g.text(random_text(dice, dice.below(3))), g.chars(CharSet::of("ab"))});
      return g.repeat(part, {.min = min, .max = max});
    }
    default: {
      std::vector<ListItem> items;
      for (int i = dice.below(4); i >= 0; --i) {
        const auto presence = static_cast<ListItem::Presence>(dice.below(3));
        items.push_back({presence, random_expr(g, dice, depth - 1)});
      }
      return g.list(random_expr(g, dice, 0), std::move(items));
    }
  }
}

Grammar random_grammar(Dice& dice) {
  Grammar g;
  const int n_rules = 1 + dice.below(4);
  for (int i = 0; i < n_rules; ++i) {
    g.add_rule(std::to_string(i),
               dice.below(2) == 0 ? Grammar::Sharing::kAlways : Grammar::Sharing::kWhenLarge);
  }
  for (int i = 0; i < n_rules; ++i) g.define(i, random_expr(g, dice, 3));
  return g;
}

// Single bytes, and so many texts that some count as long.
std::vector<std::string> random_vocabulary(Dice& dice) {
  std::vector<std::string> texts{"a", "b", "c", "\xc3", "\xa9", ""};
  for (int i = 0; i < 500; ++i) {
    std::string text = random_text(dice, 1 + dice.below(7));
    if (dice.below(8) == 0) text = text.substr(1);
    texts.push_back(text);
  }
  return texts;
}

std::shared_ptr<const TokenTrie> make_trie(const std::vector<std::string>& texts) {
  std::vector<TokenTrie::Token> tokens;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    tokens.push_back({texts[i], static_cast<std::int32_t>(i)});
  }
  return std::make_shared<TokenTrie>(std::move(tokens), static_cast<int>(texts.size()));
}

bool has(const std::vector<std::uint64_t>& mask, std::size_t i) {
  return (mask[i / 64] >> (i % 64) & 1) != 0;
}

enum class Outcome { kCompared, kRefused, kTooAmbiguous };

// Follows one random text of the grammar.
Outcome compare(const Grammar& grammar, Dice& dice) {
  auto network = Network::build(grammar);
  if (!network) return Outcome::kRefused;
  const std::vector<std::string> texts = random_vocabulary(dice);
  const bool is_tight = dice.below(4) == 0;
  TokenMasks masks(
      std::move(*network), make_trie(texts),
      is_tight ? TokenMasks::Limits{.mask_bytes = 1, .automaton_bytes = 1} : TokenMasks::Limits());
  const test::Earley earley(grammar, kAlphabet);
  auto chart = earley.start();
  GrammarState state = masks.start();
  std::vector<std::uint64_t> mask(masks.n_words());
  for (int step = 0; step < 5; ++step) {
    EXPECT_EQ(masks.can_end(state), earley.complete(chart));
    if (!masks.fill(state, mask)) return Outcome::kTooAmbiguous;
    std::vector<std::size_t> allowed;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (has(mask, i)) allowed.push_back(i);
      if (i > 5 && dice.below(16) != 0) continue;
      auto longer = chart;
      const bool expected = !texts[i].empty() && earley.extend(longer, texts[i]);
      EXPECT_EQ(has(mask, i), expected) << texts[i];
      GrammarState copy = state;
      if (is_tight) continue;
      EXPECT_EQ(masks.accept(copy, texts[i]), expected || texts[i].empty());
    }
    if (allowed.empty() || ::testing::Test::HasFailure()) break;
    const std::string& text =
        texts[allowed[static_cast<std::size_t>(dice.below(static_cast<int>(allowed.size())))]];
    if (!masks.accept(state, text)) return Outcome::kTooAmbiguous;
    EXPECT_TRUE(earley.extend(chart, text));
  }
  return Outcome::kCompared;
}

TEST(TokenMasks, EqualAPlainRecogniserOnRandomGrammars) {
  int n_compared = 0;
  int n_ambiguous = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed);
    const Grammar grammar = random_grammar(dice);
    const Outcome outcome = compare(grammar, dice);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    n_compared += outcome == Outcome::kCompared;
    n_ambiguous += outcome == Outcome::kTooAmbiguous;
  }
  EXPECT_GT(n_compared, 50);
  EXPECT_LT(n_ambiguous, 10);
}

}  // namespace
}  // namespace slip::grammar
