// Reads the files of tools/make-quant-goldens.py.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "quant/quant_format.h"

namespace slip {

struct Golden {
  std::vector<std::byte> blocks;
  std::vector<float> values;
};

inline Golden read_golden(DType type, const std::string& kind) {
  const std::string path =
      std::string(SLIP_TEST_DATA) + "/quant/" + std::string(dtype_name(type)) + "." + kind + ".bin";
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  const std::vector<char> data{std::istreambuf_iterator<char>(file), {}};
  std::uint32_t n_bytes = 0;
  if (data.size() < sizeof n_bytes) return {};
  std::memcpy(&n_bytes, data.data(), sizeof n_bytes);
  Golden golden;
  golden.blocks.resize(n_bytes);
  std::memcpy(golden.blocks.data(), data.data() + 4, n_bytes);
  golden.values.resize((data.size() - 4 - n_bytes) / sizeof(float));
  std::memcpy(golden.values.data(), data.data() + 4 + n_bytes,
              golden.values.size() * sizeof(float));
  return golden;
}

// The formats of quant_formats() with integers (or, where `quantized` is false, without).
inline std::vector<DType> formats_where(bool quantized) {
  std::vector<DType> types;
  for (const QuantFormat* format : quant_formats()) {
    if (format->is_quantized() == quantized) types.push_back(format->type);
  }
  return types;
}

inline std::string type_name(const testing::TestParamInfo<DType>& info) {
  return std::string(dtype_name(info.param));
}

}  // namespace slip
