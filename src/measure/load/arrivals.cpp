#include "measure/load/arrivals.h"

#include <cmath>

#include "base/rng.h"

namespace slip {

std::int64_t PoissonArrivals::next_ns() {
  at_s_ -= std::log1p(-random_uniform(seed_, n_drawn_++)) / rate_per_s_;
  return static_cast<std::int64_t>(at_s_ * 1e9);
}

}  // namespace slip
