// GGUF: parsing, then reading every metadata value and every row of every tensor.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "formats/gguf.h"

namespace {

// Keeps the reads from being optimised away.
volatile std::size_t sink;

void read_everything(const slip::GgufFile& file) {
  std::size_t sum = 0;
  for (const auto& entry : file.metadata().entries()) {
    sum += slip::to_text(entry.value).size() + slip::type_name(entry.value).size();
    // The typed getters convert between widths.
    sum += file.metadata().integer(entry.key).has_value();
    sum += file.metadata().number(entry.key).has_value();
    sum += file.metadata().integers(entry.key).has_value();
    sum += file.metadata().numbers(entry.key).has_value();
  }
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const slip::TensorView& tensor = file.tensors()[i];
    if (file.find(tensor.name) != &tensor) std::abort();
    if (static_cast<std::size_t>(tensor.n_rows() * tensor.row_bytes()) != tensor.bytes.size()) {
      std::abort();
    }
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<std::size_t>(byte);
    sum += file.place(i).offset;
  }
  sink = sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = slip::GgufFile::parse(std::as_bytes(std::span(data, size)));
  if (file) {
    read_everything(*file);
  } else if (file.error().message.empty()) {
    std::abort();
  }
  return 0;
}
