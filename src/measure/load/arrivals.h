// When requests arrive that don't wait for one another.
#pragma once

#include <cstdint>

namespace slip {

// A Poisson process: the gaps between arrivals are exponentially distributed and independent, as
// those of many users are who know nothing of each other. A seed gives the same arrivals anywhere.
class PoissonArrivals {
 public:
  // `rate_per_s` > 0: arrivals a second, in the mean.
  PoissonArrivals(double rate_per_s, std::uint64_t seed) : rate_per_s_(rate_per_s), seed_(seed) {}

  // The next arrival's distance from the beginning.
  std::int64_t next_ns();

 private:
  double rate_per_s_;
  std::uint64_t seed_;
  std::uint64_t n_drawn_ = 0;
  double at_s_ = 0;
};

}  // namespace slip
