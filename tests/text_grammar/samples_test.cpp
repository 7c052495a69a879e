// Random texts of schemas, for a validator that isn't ours (tests/cli/grammar_test.py runs this).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>

#include "base/rng.h"
#include "formats/json.h"
#include "text/grammar/json_schema.h"
#include "text_grammar/matching.h"

namespace slip::grammar {
namespace {

constexpr int kTextsPerSchema = 40;
constexpr std::size_t kMaxBytes = 3000;

// A text that is drawn byte by byte; empty when it got too long. With time, bytes that close
// something become likelier.
std::string random_text(Automaton& automaton, std::uint64_t seed) {
  std::string text;
  Automaton::State state = automaton.start();
  for (std::uint64_t i = 0; text.size() < kMaxBytes; i += 3) {
    std::vector<std::uint8_t> all, closing;
    for (int byte = 0; byte < 256; ++byte) {
      if (automaton.next(state, static_cast<std::uint8_t>(byte)) == Automaton::kDead) continue;
      all.push_back(static_cast<std::uint8_t>(byte));
      if (byte == '"' || byte == '}' || byte == ']') closing.push_back(all.back());
    }
    const bool hurries = random_bits(seed, i) % 400 < 40 + text.size();
    if (automaton.accepts(state) && (hurries || all.empty())) return text;
    if (all.empty()) return {};
    const auto& from = hurries && !closing.empty() ? closing : all;
    text += static_cast<char>(from[random_bits(seed, i + 1) % from.size()]);
    state = automaton.next(state, static_cast<std::uint8_t>(text.back()));
  }
  return {};
}

TEST(SchemaSamples, AreWrittenForAnotherValidator) {
  const char* path = std::getenv("SLIPSTREAM_SCHEMA_SAMPLES");
  const auto schemas =
      read_json(std::filesystem::path(SLIP_TEST_DATA) / "grammar/schemas.json").value();
  boost::json::array out;
  for (const auto& entry : schemas.as_array()) {
    const auto grammar = parse_json_schema(boost::json::serialize(entry.at("schema")));
    ASSERT_TRUE(grammar.has_value()) << entry.at("name") << ": " << grammar.error().message;
    const auto network = Network::build(*grammar);
    ASSERT_TRUE(network.has_value()) << entry.at("name") << ": " << network.error().message;
    Automaton automaton(std::make_shared<const Network>(*network));
    boost::json::array texts;
    for (std::uint64_t seed = 0; seed < kTextsPerSchema; ++seed) {
      automaton.begin_work();
      const std::string text = random_text(automaton, seed);
      if (!text.empty()) texts.emplace_back(text);
    }
    EXPECT_GT(texts.size(), 0u) << entry.at("name");
    out.push_back({{"name", entry.at("name")}, {"texts", std::move(texts)}});
  }
  if (path != nullptr) std::ofstream(path) << boost::json::serialize(out);
}

}  // namespace
}  // namespace slip::grammar
