// Grammars come with requests: any text must be a grammar or give an error, and its automaton must
// take bytes within bounds.
#include <cstdint>
#include <memory>
#include <string_view>

#include "text/grammar/automaton.h"
#include "text/grammar/gbnf.h"

using namespace slip::grammar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What stands behind the first zero byte is text for the grammar.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const auto grammar = parse_gbnf(input.substr(0, end));
  if (!grammar) return grammar.error().message.empty() ? __builtin_trap(), 0 : 0;
  const auto network = Network::build(*grammar);
  if (!network) return network.error().message.empty() ? __builtin_trap(), 0 : 0;
  Automaton automaton(std::make_shared<const Network>(*network));
  Automaton::State state = automaton.start();
  for (const char c : input.substr(end).substr(end < size ? 1 : 0)) {
    state = automaton.next(state, static_cast<std::uint8_t>(c));
    for (const auto& context : automaton.contexts(state, 4)) {
      if (context.inside == Automaton::kDead && !automaton.is_exhausted()) __builtin_trap();
    }
  }
  return 0;
}
