// Numbers between bounds, as the digits that JSON writes them with.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "text/grammar/grammar.h"

namespace slip::grammar {

// Integers with more digits aren't generated.
inline constexpr std::int64_t kLargestInteger = 999'999'999'999'999'999;
// Where a bound is missing, numbers that aren't integers end here.
inline constexpr double kLargestNumber = 1e12;

// Integers of [first, last]; nothing where that is empty.
ExprId integer_range(Grammar& grammar, std::int64_t first, std::int64_t last);

struct NumberBound {
  double value = 0;
  bool is_exclusive = false;
};

// Numbers between the bounds, without exponent. kUnsupported for bounds of more than six decimals
// or beyond kLargestNumber.
Result<ExprId> number_range(Grammar& grammar, std::optional<NumberBound> low,
                            std::optional<NumberBound> high);

}  // namespace slip::grammar
