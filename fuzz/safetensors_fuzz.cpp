// safetensors: parsing the header, then reading every row of every tensor.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "formats/safetensors.h"

namespace {

// Keeps the reads from being optimised away.
volatile std::size_t sink;

void read_everything(const slip::SafetensorsFile& file) {
  std::size_t sum = 0;
  for (const auto& [key, text] : file.metadata()) sum += key.size() + text.size();
  for (const slip::TensorView& tensor : file.tensors()) {
    if (file.find(tensor.name) != &tensor) std::abort();
    if (static_cast<std::size_t>(tensor.n_rows() * tensor.row_bytes()) != tensor.bytes.size()) {
      std::abort();
    }
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<std::size_t>(byte);
  }
  for (const slip::OpaqueTensor& tensor : file.others()) {
    if (file.find_other(tensor.name) != &tensor) std::abort();
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<std::size_t>(byte);
  }
  sink = sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = slip::SafetensorsFile::parse(std::as_bytes(std::span(data, size)));
  if (file) {
    read_everything(*file);
  } else if (file.error().message.empty()) {
    std::abort();
  }
  return 0;
}
