#include "text/grammar/number_ranges.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace slip::grammar {
namespace {

constexpr int kMaxDecimals = 6;
// Digits of a bound and behind it, so that doubles tell the numbers next to it from the bound.
constexpr int kMaxDigits = 14;
constexpr int kMoreDecimals = 10;  // behind those that a bound has, at most

// Digits of the same number of places, with a point before the last `n_decimals`.
class Digits {
 public:
  Digits(Grammar& grammar, std::size_t n_decimals) : grammar_(grammar), n_decimals_(n_decimals) {}

  // From the digits `a` to the digits `b`, as long as `a`.
  ExprId between(std::string_view a, std::string_view b) {
    if (a.empty()) return grammar_.empty();
    const char low = a[0];
    const char high = b[0];
    const std::size_t n = a.size();
    a.remove_prefix(1);
    b.remove_prefix(1);
    if (low == high) return grammar_.sequence({digit(n, low, high), between(a, b)});
    std::vector<ExprId> parts{grammar_.sequence({digit(n, low, low), at_least(a)}),
                              grammar_.sequence({digit(n, high, high), at_most(b)})};
    if (high - low > 1) {
      parts.push_back(grammar_.sequence(
          {digit(n, static_cast<char>(low + 1), static_cast<char>(high - 1)), any(n - 1)}));
    }
    return grammar_.choice(std::move(parts));
  }

 private:
  // The digit that has `n` - 1 behind it.
  ExprId digit(std::size_t n, char first, char last) {
    const ExprId chars = grammar_.chars(
        CharSet({{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)}}));
    if (n != n_decimals_) return chars;
    return grammar_.sequence({grammar_.text("."), chars});
  }
  ExprId any(std::size_t n) {
    std::vector<ExprId> parts;
    for (; n > 0; --n) parts.push_back(digit(n, '0', '9'));
    return grammar_.sequence(std::move(parts));
  }
  ExprId at_least(std::string_view digits) {
    const std::size_t n = digits.size();
    if (n == 0) return grammar_.empty();
    const char first = digits[0];
    const ExprId same = grammar_.sequence({digit(n, first, first), at_least(digits.substr(1))});
    if (first == '9') return same;
    return grammar_.choice(
        {same, grammar_.sequence({digit(n, static_cast<char>(first + 1), '9'), any(n - 1)})});
  }
  ExprId at_most(std::string_view digits) {
    const std::size_t n = digits.size();
    if (n == 0) return grammar_.empty();
    const char first = digits[0];
    const ExprId same = grammar_.sequence({digit(n, first, first), at_most(digits.substr(1))});
    if (first == '0') return same;
    return grammar_.choice(
        {same, grammar_.sequence({digit(n, '0', static_cast<char>(first - 1)), any(n - 1)})});
  }

  Grammar& grammar_;
  std::size_t n_decimals_;
};

// first … last in units of the last of `n_decimals` decimals; 0 ≤ first.
ExprId fixed_point(Grammar& grammar, std::int64_t first, std::int64_t last,
                   std::size_t n_decimals) {
  std::vector<ExprId> parts;
  std::int64_t least = 0;  // of so many digits
  std::int64_t most = 9;
  for (std::size_t i = 0; i < n_decimals; ++i) most = most * 10 + 9;
  for (std::size_t n = n_decimals + 1; n <= 18; ++n) {
    const std::int64_t a = std::max(first, least);
    const std::int64_t b = std::min(last, most);
    if (a <= b) {
      std::string from = std::to_string(a);
      from.insert(0, n - from.size(), '0');
      std::string to = std::to_string(b);
      to.insert(0, n - to.size(), '0');
      parts.push_back(Digits(grammar, n_decimals).between(from, to));
    }
    least = most + 1;
    most = n < 18 ? most * 10 + 9 : most;
  }
  return grammar.choice(std::move(parts));
}

// A bound in units of its last decimal.
struct Scaled {
  std::int64_t value = 0;
  bool is_exclusive = false;
};

struct Range {
  Scaled low, high;
  std::size_t n_decimals = 0;  // of the bounds
  int n_more = 0;              // decimals behind them at most
};

// Numbers from low ≥ 0.
ExprId positive_range(Grammar& grammar, const Range& range) {
  const auto& [low, high, n_decimals, n_more] = range;
  std::vector<ExprId> parts;
  std::int64_t unit = 1;
  for (std::size_t n = n_decimals + 1; n-- > 0; unit *= 10) {
    std::int64_t first = (low.value + unit - 1) / unit;
    std::int64_t last = high.value / unit;
    if (low.is_exclusive && first * unit == low.value) ++first;
    if (high.is_exclusive && last * unit == high.value) --last;
    if (first <= last) parts.push_back(fixed_point(grammar, first, last, n));
  }
  // More decimals, which add to what stands before them.
  const ExprId digit = grammar.chars(CharSet({{'0', '9'}}));
  const ExprId point = n_decimals == 0 ? grammar.text(".") : grammar.empty();
  const std::int64_t first = low.value + (low.is_exclusive ? 1 : 0);
  if (first <= high.value - 1) {
    parts.push_back(grammar.sequence({fixed_point(grammar, first, high.value - 1, n_decimals),
                                      point, grammar.repeat(digit, {.min = 1, .max = n_more})}));
  }
  if (low.is_exclusive && low.value < high.value) {
    parts.push_back(
        grammar.sequence({fixed_point(grammar, low.value, low.value, n_decimals), point,
                          grammar.repeat(grammar.text("0"), {.min = 0, .max = n_more / 2}),
                          grammar.chars(CharSet({{'1', '9'}})),
                          grammar.repeat(digit, {.min = 0, .max = (n_more - 1) / 2})}));
  }
  return grammar.choice(std::move(parts));
}

struct Places {
  int n_decimals = 0;
  int n_digits = 0;  // in all
};

Result<Places> places_of(double value) {
  double scale = 1;
  for (int n = 0; n <= kMaxDecimals; ++n, scale *= 10) {
    const double scaled = std::abs(value) * scale;
    if (std::abs(value) > kLargestNumber || scaled >= 1e14) break;
    if (std::round(scaled) / scale != std::abs(value)) continue;
    const auto digits = std::to_string(std::llround(scaled));
    return Places{.n_decimals = n, .n_digits = static_cast<int>(digits.size())};
  }
  return fail(ErrorKind::kUnsupported,
              "{} can't be enforced: expected at most {} decimals, {} digits and ±{}", value,
              kMaxDecimals, kMaxDigits, kLargestNumber);
}

}  // namespace

ExprId integer_range(Grammar& grammar, std::int64_t first, std::int64_t last) {
  first = std::max(first, -kLargestInteger);
  last = std::min(last, kLargestInteger);
  std::vector<ExprId> parts;
  if (last >= 0 && first <= last) {
    parts.push_back(fixed_point(grammar, std::max<std::int64_t>(first, 0), last, 0));
  }
  if (first < 0 && first <= last) {
    const std::int64_t nearest = last < 0 ? -last : 1;
    parts.push_back(
        grammar.sequence({grammar.text("-"), fixed_point(grammar, nearest, -first, 0)}));
  }
  return grammar.choice(std::move(parts));
}

Result<ExprId> number_range(Grammar& grammar, std::optional<NumberBound> low,
                            std::optional<NumberBound> high) {
  const NumberBound from = low.value_or(NumberBound{-kLargestNumber});
  const NumberBound to = high.value_or(NumberBound{kLargestNumber});
  const Places of_low = low ? SLIP_TRY(places_of(low->value)) : Places();
  const Places of_high = high ? SLIP_TRY(places_of(high->value)) : Places();
  const int n = std::max(of_low.n_decimals, of_high.n_decimals);
  const auto n_decimals = static_cast<std::size_t>(n);
  const int n_digits =
      n + std::max(of_low.n_digits - of_low.n_decimals, of_high.n_digits - of_high.n_decimals);
  const int n_more = std::clamp(kMaxDigits - n_digits, 1, kMoreDecimals);
  // 10^12 with six decimals has nineteen digits.
  const double scale = std::pow(10.0, n);
  const auto scaled = [&](const NumberBound& bound) {
    const auto value = static_cast<std::int64_t>(std::llround(bound.value * scale));
    return Scaled{std::clamp(value, -kLargestInteger, kLargestInteger), bound.is_exclusive};
  };
  const Scaled first = scaled(from);
  const Scaled last = scaled(to);
  std::vector<ExprId> parts;
  if (last.value >= 0) {
    const Scaled begin = first.value >= 0 ? first : Scaled{0, false};
    parts.push_back(positive_range(grammar, {begin, last, n_decimals, n_more}));
  }
  if (first.value < 0) {
    const Scaled nearest =
        last.value < 0 ? Scaled{-last.value, last.is_exclusive} : Scaled{0, true};
    const Scaled furthest{-first.value, first.is_exclusive};
    parts.push_back(grammar.sequence(
        {grammar.text("-"), positive_range(grammar, {nearest, furthest, n_decimals, n_more})}));
  }
  return grammar.choice(std::move(parts));
}

}  // namespace slip::grammar
