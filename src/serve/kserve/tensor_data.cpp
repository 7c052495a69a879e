#include "serve/kserve/tensor_data.h"

namespace slip {
namespace {

template <class... Args>
tl::unexpected<ApiError> bad_tensor(const InferTensor& tensor, fmt::format_string<Args...> format,
                                    Args&&... args) {
  return bad_field(tensor.name, "invalid_value", format, std::forward<Args>(args)...);
}

// The length at the beginning of `rest`, which has 4 bytes.
std::size_t take_length(std::string_view& rest) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(rest[i])) << (8 * i);
  }
  rest.remove_prefix(4);
  return length;
}

}  // namespace

Reply<> decode_raw(InferTensor& tensor, std::size_t n) {
  std::string_view rest = tensor.raw;
  if (tensor.datatype == "BOOL") {
    if (rest.size() != n) return bad_tensor(tensor, "expected {} bytes, got {}", n, rest.size());
    for (const char byte : rest) tensor.numbers.push_back(byte != 0);
  } else if (tensor.datatype == "BYTES") {
    while (!rest.empty()) {
      if (tensor.texts.size() == n) return bad_tensor(tensor, "expected {} elements, got more", n);
      if (rest.size() < 4) return bad_tensor(tensor, "a length of 4 bytes is cut off");
      const std::size_t length = take_length(rest);
      if (length > rest.size()) {
        return bad_tensor(tensor, "an element of {} bytes is cut off behind {}", length,
                          rest.size());
      }
      tensor.texts.emplace_back(rest.substr(0, length));
      rest.remove_prefix(length);
    }
  } else {
    return bad_tensor(tensor, "expected the datatype BYTES or BOOL, got {}", tensor.datatype);
  }
  tensor.is_raw = false;
  tensor.raw.clear();
  return {};
}

}  // namespace slip
