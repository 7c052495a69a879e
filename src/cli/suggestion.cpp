#include "cli/suggestion.h"

#include <algorithm>
#include <numeric>

namespace slip {
namespace {

std::string_view without_dashes(std::string_view name) {
  return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

// Letters to insert, delete or replace, and neighbours that changed places, row by row of the table
// (Wagner and Fischer 1974, with Damerau's transpositions, 1964).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> above2(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    above2.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], above2[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string closest(std::string_view word, const std::vector<std::string>& names) {
  const std::string_view letters = without_dashes(word);
  const std::size_t n = letters.size();
  std::size_t least = (n < 3 ? 0 : n < 4 ? 1 : std::max<std::size_t>(2, n / 3)) + 1;
  std::string best;
  for (const std::string& name : names) {
    const std::size_t d = distance(letters, without_dashes(name));
    if (d < least) {
      least = d;
      best = name;
    }
  }
  return best;
}

}  // namespace slip
