#include "cli/suggestion.h"

#include <algorithm>
#include <numeric>

namespace slip {
namespace {

std::string_view without_dashes(std::string_view name) {
  return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

// Letters to insert, delete or replace, row by row of the table (Wagner and Fischer 1974).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string closest(std::string_view word, const std::vector<std::string>& names) {
  const std::string_view letters = without_dashes(word);
  // Two letters that changed places are two replacements.
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
