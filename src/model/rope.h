// Rotary position embedding tables (Su et al. 2021) with the published context extensions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"

namespace slip {

// The angles of one RopeSpec for a run whose context limit is n_ctx: cos(p · f_i) and sin(p · f_i),
// i < n_rot/2, with the frequencies f_i of the spec's scaling:
//   none: theta^(-2i/n_rot); linear: divided by factor (Chen et al. 2023);
//   llama3: as Llama 3.1's reference code; yarn: Peng et al. 2023; longrope: Ding et al. 2024,
//   short factors up to the original context, long ones when n_ctx exceeds it; dynamic NTK: the
//   base that belongs to n_ctx (a base that changed as the text grows would not fit keys already
//   stored).
class RopeAngles {
 public:
  RopeAngles(const RopeSpec& spec, std::int64_t n_ctx);

  int n_rot() const { return static_cast<int>(2 * frequencies_.size()); }
  // Writes n_rot/2 values each.
  void at(std::int64_t position, float* cos, float* sin) const;

 private:
  std::vector<double> frequencies_;
  double magnitude_ = 1.0;  // multiplies cos and sin (yarn, longrope)
};

}  // namespace slip
