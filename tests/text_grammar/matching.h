// Whether texts are in a grammar's language, byte by byte.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/grammar/automaton.h"
#include "text/grammar/network.h"

namespace slip::grammar::test {

inline bool matches(const Grammar& grammar, std::string_view text) {
  const auto network = Network::build(grammar);
  if (!network) return false;
  Automaton automaton(std::make_shared<const Network>(*network));
  Automaton::State state = automaton.start();
  for (const char c : text) state = automaton.next(state, static_cast<std::uint8_t>(c));
  return automaton.accepts(state);
}

// The message with which the grammar is refused, when parsed or when its network is built.
inline std::string refusal(const Result<Grammar>& grammar) {
  if (!grammar) return grammar.error().message;
  const auto network = Network::build(*grammar);
  return network ? "" : network.error().message;
}

}  // namespace slip::grammar::test
