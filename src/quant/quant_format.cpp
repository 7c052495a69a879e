#include "quant/quant_format.h"

#include <array>

#include "base/check.h"

namespace slip {
namespace {

// Indexed by the type's number.
using FormatTable = std::array<const QuantFormat*, 64>;

FormatTable make_table() {
  FormatTable table{};
  for (const QuantFormat* format : quant_formats()) {
    const auto number = static_cast<std::size_t>(format->type);
    SLIP_CHECK(number < table.size() && table[number] == nullptr);
    table[number] = format;
  }
  return table;
}

}  // namespace

const QuantFormat* find_quant_format(DType type) {
  static const FormatTable table = make_table();
  const auto number = static_cast<std::size_t>(type);
  return number < table.size() ? table[number] : nullptr;
}

const QuantFormat& quant_format(DType type) {
  const QuantFormat* format = find_quant_format(type);
  SLIP_CHECK(format != nullptr);
  return *format;
}

void unpack_block32(DType type, const std::byte* row, std::int64_t block_idx, IntBlock32& out) {
  const QuantFormat& format = quant_format(type);
  SLIP_CHECK(format.is_quantized());
  format.unpack(row, block_idx, out);
}

}  // namespace slip
