// Counter-based random numbers: the value depends on (seed, position) only, so that a request's
// draws don't depend on what else runs, on thread counts, or on where a sequence was resumed.
#pragma once

#include <cstdint>

namespace slip {

// SplitMix64's finaliser (Steele, Lea, Flood 2014) applied to a combination of both keys.
inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t position) {
  auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  };
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;  // 2^64 / golden ratio
  return mix(mix(seed + kGolden) + (position + 1) * kGolden);
}

// Uniform in [0, 1), 53 bits.
inline double random_uniform(std::uint64_t seed, std::uint64_t position) {
  return static_cast<double>(random_bits(seed, position) >> 11) * 0x1.0p-53;
}

}  // namespace slip
