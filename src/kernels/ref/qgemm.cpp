// The definition of qgemm: weights are unpacked to integers and f32 scales, block by block.
#include "kernels/ref/act_ref.h"
#include "kernels/ref/kernels_ref.h"
#include "quant/half.h"

namespace slip {
namespace {

// 32 columns of 16 rows: weight = scale[h] * w + min[h] with h = column / 16.
struct Block {
  int32_t w[kRowGroup][kPackedBlock];
  float scale[2][kRowGroup];
  float min[2][kRowGroup];
};

float half_at(const uint8_t* p) {
  return f16_to_f32(static_cast<uint16_t>(p[0] | (p[1] << 8)));
}

float half_power_of_two(int exponent) {  // 2^(exponent - 128)
  return __builtin_ldexpf(1.0F, exponent - 128);
}

// The integer of row r and column k, from the planes.
int code_at(const PackedLayout& layout, const uint8_t* planes, int r, int k) {
  const int step = k / 4, byte = 4 * r + k % 4;
  const uint8_t* extra = planes + 64 * layout.base_bits;
  int code = 0;
  if (layout.base_bits == 8) return static_cast<int8_t>(planes[64 * step + byte]);
  if (layout.base_bits == 4) code = (planes[64 * (step % 4) + byte] >> (step / 4 * 4)) & 15;
  if (layout.base_bits == 2) code = (planes[64 * (step / 4) + byte] >> (step % 4 * 2)) & 3;
  if (layout.extra_bits == 1) code |= ((extra[byte] >> step) & 1) << layout.base_bits;
  if (layout.extra_bits == 2) {
    code |= ((extra[64 * (step / 4) + byte] >> (step % 4 * 2)) & 3) << layout.base_bits;
  }
  return code;
}

int value_of(const PackedLayout& layout, int code) {
  switch (layout.codebook) {
    case PackedCodebook::kIQ4:
      return kIq4NlCodebook[code];
    case PackedCodebook::kE2M1:
      return kMxfp4Codebook[code];
    case PackedCodebook::kNone:
      break;
  }
  return code - layout.zero;
}

void load_scales(const PackedLayout& layout, const uint8_t* head, const uint8_t* p, Block& block) {
  const int halves = 32 / layout.granule;
  for (int h = 0; h < halves; ++h) {
    for (int r = 0; r < kRowGroup; ++r) {
      float scale = 0, min = 0;
      const int i = 16 * h + r;
      switch (layout.scale) {
        case PackedScale::kNone:
          break;
        case PackedScale::kF16:
          scale = half_at(p + 2 * r);
          if (layout.has_min) min = half_at(p + 32 + 2 * r);
          break;
        case PackedScale::kInt8:
          scale = half_at(head + 2 * r) * static_cast<float>(static_cast<int8_t>(p[i]));
          if (layout.has_min)
            min = half_at(head + 32 + 2 * r) * static_cast<float>(p[16 * halves + i]);
          break;
        case PackedScale::kNibbles:
          scale = half_at(head + 2 * r) * static_cast<float>(p[i] & 15);
          min = half_at(head + 32 + 2 * r) * static_cast<float>(p[i] >> 4);
          break;
        case PackedScale::kE8M0:
          scale = half_power_of_two(p[r]);
          break;
      }
      block.scale[h][r] = scale;
      block.min[h][r] = min;
    }
  }
}

void load_block(const PackedLayout& layout, const uint8_t* head, const uint8_t* p, Block& block) {
  for (int r = 0; r < kRowGroup; ++r) {
    for (int k = 0; k < kPackedBlock; ++k) {
      block.w[r][k] = value_of(layout, code_at(layout, p, r, k));
    }
  }
  load_scales(layout, head, p + 64 * (layout.base_bits + layout.extra_bits), block);
}

// One block of 32 columns of activations against one row of the group.
float add_block(const PackedLayout& layout, const Block& block, int r, const int32_t* a, float d,
                float acc) {
  for (int h = 0; h < 32 / layout.granule; ++h) {
    int32_t dot = 0, sum = 0;
    for (int k = h * layout.granule; k < (h + 1) * layout.granule; ++k) {
      dot += block.w[r][k] * a[k];
      sum += a[k];
    }
    acc = __builtin_fmaf(block.scale[h][r], static_cast<float>(dot) * d, acc);
    if (layout.has_min) acc = __builtin_fmaf(block.min[h][r], static_cast<float>(sum) * d, acc);
  }
  return acc;
}

}  // namespace

void qgemm_ref(const QGemmArgs* args) {
  const PackedLayout& layout = kPackedLayouts[static_cast<int>(args->w->kind)];
  const int64_t n_blocks = args->w->n_cols / kPackedBlock;
  const auto row_bytes = static_cast<int64_t>(act_row_bytes_ref(args->w->n_cols));
  for (int64_t g = args->group_begin; g < args->group_end; ++g) {
    const uint8_t* p = args->w->data + g * args->w->group_bytes;
    const uint8_t* head = p;
    for (int64_t b = 0; b < n_blocks; ++b, p += layout.block_bytes) {
      if (b % 8 == 0) {
        head = p;
        p += layout.head_bytes;
      }
      Block block;
      load_block(layout, head, p, block);
      for (int64_t m = 0; m < args->n_rows; ++m) {
        const char* row = static_cast<const char*>(args->act) + m * row_bytes;
        const auto* values = reinterpret_cast<const int32_t*>(row);
        const auto* factors = reinterpret_cast<const float*>(values + args->w->n_cols);
        float* out = args->out + m * args->out_stride + g * kRowGroup;
        for (int r = 0; r < kRowGroup; ++r) {
          out[r] = add_block(layout, block, r, values + b * kPackedBlock, factors[b],
                             b == 0 ? 0.0F : out[r]);
        }
      }
    }
  }
}

}  // namespace slip
