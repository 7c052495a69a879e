// Texts of random words, the same for the same seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slip::test {

inline std::vector<std::string> random_words(std::size_t n_words, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  std::vector<std::string> words(n_words);
  for (std::string& word : words) {
    // Knuth's MMIX generator; its upper bits are the good ones.
    state = state * 6364136223846793005 + 1442695040888963407;
    for (std::uint64_t bits = state >> 40; bits > 0; bits /= 26) {
      word += static_cast<char>('a' + bits % 26);
    }
  }
  return words;
}

inline std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

}  // namespace slip::test
