#include "text/grammar/network.h"

#include "text/grammar/network_builder.h"

namespace slip::grammar {

Result<Network> Network::build(const Grammar& grammar) {
  return NetworkBuilder(grammar).build();
}

void Network::mark_ends() {
  only_ends_ = is_end_;
  // Chains of empty edges point forward or back: walk each until it is decided.
  for (std::size_t s = 0; s < n_states(); ++s) {
    std::int32_t at = static_cast<std::int32_t>(s);
    constexpr int kLongest = 64;
    for (int i = 0; i < kLongest && !is_end(at); ++i) {
      const auto out = edges(at);
      if (out.size() != 1 || out[0].kind != Edge::Kind::kEmpty) break;
      at = out[0].target;
    }
    only_ends_[s] = is_end(at) ? 1 : 0;
  }
}

void Network::classify_bytes() {
  std::array<bool, 257> begins{};
  begins[0] = true;
  for (const Edge& edge : edges_) {
    if (edge.kind != Edge::Kind::kBytes) continue;
    begins[edge.first] = true;
    begins[edge.last + std::size_t{1}] = true;
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (begins[byte]) class_byte_.push_back(static_cast<std::uint8_t>(byte));
    byte_class_[byte] = static_cast<std::uint8_t>(class_byte_.size() - 1);
  }
}

}  // namespace slip::grammar
