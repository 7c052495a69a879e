#include "kernels/support.h"

#include <fmt/format.h>

#include <numeric>
#include <random>

namespace slip::test {

std::vector<int> tail_sizes() {
  std::vector<int> sizes(67);
  std::iota(sizes.begin(), sizes.end(), 1);
  sizes.insert(sizes.end(), {255, 576, 1023});
  return sizes;
}

std::vector<float> random_floats(std::size_t n, float low, float high, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> x(n);
  for (float& v : x) v = uniform(rng);
  return x;
}

::testing::AssertionResult same_bits(const std::vector<float>& got,
                                     const std::vector<float>& expected) {
  if (got.size() != expected.size()) return ::testing::AssertionFailure() << "sizes differ";
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::memcmp(&got[i], &expected[i], sizeof(float)) != 0) {
      return ::testing::AssertionFailure() << fmt::format(
                 "element {} of {}: expected {:a}, got {:a}", i, got.size(), expected[i], got[i]);
    }
  }
  return ::testing::AssertionSuccess();
}

Poisoned::Poisoned(std::size_t n_bytes) : storage_(n_bytes + 64, 0xff) {
  const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
  data_ = storage_.data() + (64 - address % 64) % 64;
}

}  // namespace slip::test
