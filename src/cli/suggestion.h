// What someone may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slip {

// The name that differs from `word` least (in letters, or neighbours that changed places; leading
// dashes apart); empty when all differ in more than a few of the word's letters.
std::string closest(std::string_view word, const std::vector<std::string>& names);

}  // namespace slip
