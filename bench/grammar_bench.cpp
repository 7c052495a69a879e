// What constrained decoding costs: for each schema of a file the time to compile it, and of the
// masks along random answers, when they are worked out first (cold) and again (warm).
//
//   grammar_bench VOCABULARY.gguf [tests/data/grammar/schemas.json]
#include <fmt/core.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/os/clock.h"
#include "base/rng.h"
#include "formats/gguf.h"
#include "formats/json.h"
#include "text/grammar/json_schema.h"
#include "text/grammar/token_masks.h"

namespace slip {
namespace {

using grammar::TokenMasks;
using grammar::TokenTrie;

constexpr int kMaxTokens = 200;  // of an answer

struct Times {
  std::vector<double> us;
  void add(std::int64_t ns) { us.push_back(static_cast<double>(ns) * 1e-3); }
  void print(const char* name) {
    if (us.empty()) return;
    std::sort(us.begin(), us.end());
    const auto at = [&](double share) {
      return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))];
    };
    fmt::print("{:<8} {:>7} mean {:>8.1f} us  p50 {:>8.1f}  p99 {:>8.1f}  max {:>8.1f}\n", name,
               us.size(),
               std::accumulate(us.begin(), us.end(), 0.0) / static_cast<double>(us.size()), at(0.5),
               at(0.99), at(1));
  }
};

// One of the allowed tokens; often one that closes something, so that the answer gets on.
std::int32_t draw(const Tokenizer& tokenizer, const std::vector<std::uint64_t>& mask,
                  std::uint64_t seed, std::uint64_t step) {
  std::vector<std::int32_t> all, closing;
  for (int id = 0; id < tokenizer.n_vocab(); ++id) {
    const auto i = static_cast<std::size_t>(id);
    if ((mask[i / 64] >> (i % 64) & 1) == 0) continue;
    all.push_back(id);
    const char first = tokenizer.token_bytes(id)[0];
    if (first == '"' || first == '}' || first == ']' || first == ',') closing.push_back(id);
  }
  const auto& from = random_bits(seed, 2 * step) % 4 == 0 && !closing.empty() ? closing : all;
  return from.empty() ? -1 : from[random_bits(seed, 2 * step + 1) % from.size()];
}

// The answer that `seed` gives.
void follow(TokenMasks& masks, const Tokenizer& tokenizer, std::uint64_t seed, Times& times) {
  std::vector<std::uint64_t> mask(masks.n_words());
  auto state = masks.start();
  for (int step = 0; step < kMaxTokens; ++step) {
    const std::int64_t begin = now_ns();
    if (!masks.fill(state, mask)) return;
    times.add(now_ns() - begin);
    const std::int32_t token = draw(tokenizer, mask, seed, static_cast<std::uint64_t>(step));
    if (token < 0 || !masks.accept(state, tokenizer.token_bytes(token))) return;
  }
}

Result<> run(const char* vocabulary, const char* schemas) {
  const GgufFile file = SLIP_TRY(GgufFile::open(vocabulary));
  const auto tokenizer = SLIP_TRY(Tokenizer::from_metadata(file.metadata()));
  std::int64_t begin = now_ns();
  const auto trie = std::make_shared<const TokenTrie>(*tokenizer);
  fmt::print("trie of {} tokens: {:.1f} ms\n", tokenizer->n_vocab(),
             static_cast<double>(now_ns() - begin) * 1e-6);
  Times compile, cold, warm;
  const boost::json::value suite = SLIP_TRY(read_json(schemas));
  for (const auto& entry : suite.as_array()) {
    const std::string schema = boost::json::serialize(entry.at("schema"));
    begin = now_ns();
    const auto parsed = SLIP_TRY(grammar::parse_json_schema(schema));
    auto network = SLIP_TRY(grammar::Network::build(parsed));
    compile.add(now_ns() - begin);
    TokenMasks masks(std::move(network), trie);
    for (std::uint64_t seed = 0; seed < 3; ++seed) follow(masks, *tokenizer, seed, cold);
    for (std::uint64_t seed = 0; seed < 3; ++seed) follow(masks, *tokenizer, seed, warm);
  }
  compile.print("compile");
  cold.print("cold");
  warm.print("warm");
  return {};
}

}  // namespace
}  // namespace slip

int main(int argc, char** argv) {
  const char* schemas = argc > 2 ? argv[2] : "tests/data/grammar/schemas.json";
  if (argc < 2)
    return fmt::print(stderr, "usage: grammar_bench VOCABULARY.gguf [SCHEMAS.json]\n"), 2;
  if (const auto done = slip::run(argv[1], schemas); !done) {
    fmt::print(stderr, "grammar_bench: {}\n", done.error().message);
    return 1;
  }
  return 0;
}
