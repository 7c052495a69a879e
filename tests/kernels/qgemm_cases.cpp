#include "kernels/qgemm_cases.h"

#include <algorithm>
#include <cmath>

#include "quant/half.h"
#include "quant/quant_format.h"

namespace slip::test {
namespace {

// Byte offsets of a block's f16 factors.
std::vector<std::size_t> factor_offsets(DType type) {
  switch (type) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kQ6_K:
      return {208};
    case DType::kMXFP4:
      return {};
    default:
      return {0};
  }
}

std::vector<std::byte> random_blocks(DType type, std::int64_t n_elements, Fill fill,
                                     std::uint64_t seed) {
  const DTypeInfo& info = dtype_info(type);
  const auto block_bytes = static_cast<std::size_t>(info.block_bytes);
  std::vector<std::byte> bytes(static_cast<std::size_t>(n_elements / info.block_size) *
                               block_bytes);
  std::mt19937_64 rng(seed);
  std::normal_distribution<float> normal(0.0f, 0.01f);
  for (std::size_t block = 0; block < bytes.size(); block += block_bytes) {
    const std::byte same = rng() % 2 == 0 ? std::byte{0x00} : std::byte{0xff};
    for (std::size_t i = 0; i < block_bytes; ++i) {
      bytes[block + i] = fill == Fill::kRandom ? static_cast<std::byte>(rng() & 0xff) : same;
    }
    for (const std::size_t offset : factor_offsets(type)) {
      const std::uint16_t factor = f32_to_f16(fill == Fill::kRandom ? normal(rng) : 1.0f);
      std::memcpy(bytes.data() + block + offset, &factor, sizeof factor);
    }
    if (type == DType::kMXFP4) {
      // About 1, but every seventh block has one of the two subnormal scales or the next.
      const auto exponent = rng() % 7 == 0 ? rng() % 3 : 120 + rng() % 16;
      bytes[block] = static_cast<std::byte>(exponent);
    }
  }
  return bytes;
}

}  // namespace

QuantMatrix::QuantMatrix(DType type, std::int64_t n_rows, std::int64_t n_cols, Fill fill,
                         std::uint64_t seed)
    : blocks_(random_blocks(type, n_rows * n_cols, fill, seed)),
      tensor_{.name = "weights", .dtype = type, .shape = {n_cols, n_rows}, .bytes = blocks_},
      storage_(static_cast<std::size_t>((n_rows + kRowGroup - 1) / kRowGroup *
                                        packed_group_bytes(*packed_kind(type), n_cols))) {
  packed_ = {.data = storage_.as<std::uint8_t>(),
             .n_rows = n_rows,
             .n_cols = n_cols,
             .group_bytes = packed_group_bytes(*packed_kind(type), n_cols),
             .kind = *packed_kind(type)};
  pack_groups(tensor_, 0, n_groups(), storage_.as<std::uint8_t>());
}

std::vector<DType> quantized_types() {
  std::vector<DType> types;
  for (const QuantFormat* format : quant_formats()) {
    if (format->is_quantized()) types.push_back(format->type);
  }
  return types;
}

std::vector<float> activations(std::int64_t n_rows, std::int64_t n_cols, Fill fill,
                               std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<std::size_t>(n_rows * n_cols));
  for (std::size_t i = 0; i < x.size(); i += kActBlock) {
    const auto choice = rng() % 16;
    const float factor = choice == 0 ? 0.0f : choice == 1 ? 1e-31f : choice == 2 ? 3e5f : 1.0f;
    const float sign = choice % 2 == 0 ? 1.0f : -1.0f;
    for (std::size_t k = i; k < i + kActBlock; ++k) {
      // Equal signs add up in every lane; alternating ones in every second.
      x[k] =
          fill == Fill::kRandom ? normal(rng) * factor : (choice < 8 || k % 2 == 0 ? sign : -sign);
    }
  }
  return x;
}

std::vector<float> run_qgemm(const KernelTable& table, const QgemmCase& c) {
  const GemmTilings& tilings = c.fine_above == 0 ? table.fine : table.coarse;
  return run_qgemm(table, c.n_rows <= kFewGemmRows ? tilings.few_rows : tilings.many_rows, c);
}

std::vector<float> run_qgemm(const KernelTable& table, const GemmTiling& tiling,
                             const QgemmCase& c) {
  const PackedMatrix& w = c.weights->packed();
  Poisoned act(table.act_bytes(c.n_rows, w.n_cols));
  // In two calls, split where the table allows it.
  const std::int64_t act_tile = table.act_tile(&tiling, c.n_rows);
  const std::int64_t middle = c.n_rows / 2 / act_tile * act_tile;
  for (const auto& [begin, end] : {std::pair{std::int64_t{0}, middle}, {middle, c.n_rows}}) {
    const ActQuantArgs args = {.x = c.x->data(),
                               .x_stride = w.n_cols,
                               .n_cols = w.n_cols,
                               .row_begin = begin,
                               .row_end = end,
                               .n_rows = c.n_rows,
                               .fine_above = c.fine_above,
                               .packed = act.as<void>(),
                               .tiling = &tiling};
    table.act_quantize(&args);
  }
  const std::int64_t out_stride = c.weights->n_groups() * kRowGroup + 3;
  std::vector<float> out(static_cast<std::size_t>(c.n_rows * out_stride), 12345.0f);
  const QGemmArgs args = {.w = &w,
                          .group_begin = c.group_begin,
                          .group_end = c.group_end,
                          .act = act.as<void>(),
                          .n_rows = c.n_rows,
                          .fine_above = c.fine_above,
                          .out = out.data(),
                          .out_stride = out_stride,
                          .tiling = &tiling};
  table.qgemm(&args);
  return out;
}

}  // namespace slip::test
