// The numbers of exp32 and tanh32, see docs/numerics.md.
#pragma once

#include <stdint.h>

namespace slip {

constexpr float kLog2E = 1.44269504F;
// ln 2 as a sum of two floats: n · ln 2 is subtracted by two fused steps.
constexpr float kLn2Hi = 0x1.62e43p-1F;
constexpr float kLn2Lo = -0x1.05c61p-29F;
// 1.5 · 2^23: adding it rounds to an integer (ties to even), found in the low bits of the sum.
constexpr float kRoundToInt = 12582912.0F;
// e^r = 1 + r + r² (C2 + C3 r + C4 r² + C5 r³ + C6 r⁴) on |r| ≤ ln 2 / 2: the polynomial whose
// largest relative error is least, 3.1e-9 (1/20 ulp), found by Remez exchange and rounded to f32.
constexpr float kExpC2 = 0x1.fffffcp-2F;
constexpr float kExpC3 = 0x1.555492p-3F;
constexpr float kExpC4 = 0x1.5558f2p-5F;
constexpr float kExpC5 = 0x1.123a2p-7F;
constexpr float kExpC6 = 0x1.6a23dp-10F;
// Below, e^x would be subnormal: 0 instead. Above, 2^n · (1 + q) would overflow.
constexpr float kExpMin = -87.33F;
constexpr float kExpMax = 88.37F;
// tanh of anything above 9.02 rounds to 1.
constexpr float kTanhMax = 10.0F;
// tanh x = x + x³ (C0 + C1 x² + … + C4 x⁸) on |x| < 5/8, the same way: 4.4e-9 relative.
constexpr float kTanhSmall = 0.625F;
constexpr float kTanhC0 = -0x1.555532p-2F;
constexpr float kTanhC1 = 0x1.110726p-3F;
constexpr float kTanhC2 = -0x1.b83c5ap-5F;
constexpr float kTanhC3 = 0x1.52269cp-6F;
constexpr float kTanhC4 = -0x1.75e1cep-8F;

constexpr uint32_t kOneBits = 0x3f800000;
constexpr uint32_t kSignBit = 0x80000000;

// gelu_tanh's √(2/π) and cubic coefficient.
constexpr float kGeluScale = 0.79788456F;
constexpr float kGeluCubic = 0.044715F;

// Magnitudes below these count as zero in products of BF16. Significands have 8 bits, so what is
// left are multiples of 2^-70 and 2^-56, and products and their sums multiples of 2^-126.
constexpr float kTinyBF16Weight = 0x1p-63F;
constexpr float kTinyBF16Activation = 0x1p-49F;

// A block with no larger magnitude than this is stored as zeros: its reciprocal would overflow.
constexpr float kTinyAmax = 1e-30F;

// Integers of attention (fixed() of kernels.h): the largest, and the largest sum.
constexpr float kFixedTop = 8191;
constexpr float kFixedStep = 1 / kFixedTop;
constexpr float kFixedSumStep = 1.0F / 250000;

}  // namespace slip
