// Schemas come with requests: any text must become a grammar or give an error, within bounds.
#include <cstdint>
#include <string_view>

#include "text/grammar/json_schema.h"
#include "text/grammar/network.h"

using namespace slip::grammar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto grammar = parse_json_schema({reinterpret_cast<const char*>(data), size});
  if (!grammar) {
    if (grammar.error().message.empty()) __builtin_trap();
    return 0;
  }
  const auto network = Network::build(*grammar);
  if (!network && network.error().message.empty()) __builtin_trap();
  return 0;
}
