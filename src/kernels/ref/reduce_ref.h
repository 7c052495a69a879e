// reduce16 of kernels.h.
#pragma once

namespace slip {
namespace {

inline float reduce16(const float* v) {
  float u[8], t[4], s[2];
  for (int i = 0; i < 8; ++i) u[i] = v[i] + v[i + 8];
  for (int i = 0; i < 4; ++i) t[i] = u[i] + u[i + 4];
  for (int i = 0; i < 2; ++i) s[i] = t[i] + t[i + 2];
  return s[0] + s[1];
}

}  // namespace
}  // namespace slip
