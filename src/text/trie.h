// A byte trie in one array: finds the tokens that begin a text.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace slip {

// Built once from any set of (string, value ≥ 0); const use is thread-safe.
class Trie {
 public:
  struct Entry {
    std::string_view text;
    int value;
  };

  Trie() = default;
  // Of equal strings the first counts; empty ones are ignored. The strings are not kept.
  explicit Trie(std::vector<Entry> entries);

  // Calls visit(length, value) for every entry that begins `text`, shortest first.
  template <class Visit>
  void for_each_prefix(std::string_view text, const Visit& visit) const {
    if (text.empty()) return;
    std::uint32_t node = root_[static_cast<unsigned char>(text[0])];
    for (std::size_t length = 1; node != kNone; ++length) {
      if (nodes_[node].value >= 0) visit(length, nodes_[node].value);
      if (length == text.size()) return;
      node = child(nodes_[node], static_cast<unsigned char>(text[length]));
    }
  }

  struct Match {
    std::size_t length = 0;  // 0: nothing begins the text
    int value = -1;
  };
  Match longest_prefix(std::string_view text) const;

  // True when some entry begins with this byte.
  bool starts_with(char byte) const { return root_[static_cast<unsigned char>(byte)] != kNone; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Node {
    std::uint32_t first_child = 0;
    int value = -1;
    std::uint16_t n_children = 0;
    unsigned char byte = 0;
  };

  std::uint32_t child(const Node& node, unsigned char byte) const {
    std::uint32_t low = node.first_child;
    std::uint32_t high = low + node.n_children;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (nodes_[middle].byte < byte) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const bool found = low < node.first_child + node.n_children && nodes_[low].byte == byte;
    return found ? low : kNone;
  }

  struct Range;

  std::array<std::uint32_t, 256> root_ = all_none();
  std::vector<Node> nodes_;

  static constexpr std::array<std::uint32_t, 256> all_none() {
    std::array<std::uint32_t, 256> out{};
    for (auto& node : out) node = kNone;
    return out;
  }
};

}  // namespace slip
