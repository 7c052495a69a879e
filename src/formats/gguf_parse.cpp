#include "formats/gguf_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

#include "formats/byte_cursor.h"
#include "formats/extents.h"
#include "formats/gguf_types.h"
#include "formats/shown.h"

namespace slip {
namespace {

// Smallest encodings, to bound counts by the bytes that remain.
constexpr std::uint64_t kMinKeyValueBytes = 8 + 1 + 4 + 1;        // key, type, a one-byte value
constexpr std::uint64_t kMinTensorInfoBytes = 8 + 4 + 8 + 4 + 8;  // name, n_dims, dim, type, offset
constexpr std::uint64_t kMinStringBytes = 8;
constexpr std::uint64_t kMinArrayBytes = 4 + 8;

template <class T>
constexpr std::uint64_t kMinItemBytes = sizeof(T);
template <>
constexpr std::uint64_t kMinItemBytes<std::string> = kMinStringBytes;
template <>
constexpr std::uint64_t kMinItemBytes<MetaArray> = kMinArrayBytes;

// Calls f(std::type_identity<T>) with the C++ type of a value type.
template <class F>
Result<> with_type(GgufType type, F&& f) {
  switch (type) {
    case GgufType::kU8:
      return f(std::type_identity<std::uint8_t>{});
    case GgufType::kI8:
      return f(std::type_identity<std::int8_t>{});
    case GgufType::kU16:
      return f(std::type_identity<std::uint16_t>{});
    case GgufType::kI16:
      return f(std::type_identity<std::int16_t>{});
    case GgufType::kU32:
      return f(std::type_identity<std::uint32_t>{});
    case GgufType::kI32:
      return f(std::type_identity<std::int32_t>{});
    case GgufType::kF32:
      return f(std::type_identity<float>{});
    case GgufType::kBool:
      return f(std::type_identity<bool>{});
    case GgufType::kString:
      return f(std::type_identity<std::string>{});
    case GgufType::kArray:
      return f(std::type_identity<MetaArray>{});
    case GgufType::kU64:
      return f(std::type_identity<std::uint64_t>{});
    case GgufType::kI64:
      return f(std::type_identity<std::int64_t>{});
    case GgufType::kF64:
      return f(std::type_identity<double>{});
  }
  return invalid("expected a value type of 0 … {}, got {}", kGgufTypeCount - 1,
                 static_cast<std::uint32_t>(type));
}

class Parser {
 public:
  explicit Parser(std::span<const std::byte> file) : file_(file), in_(file) {}

  Result<ParsedGguf> run() {
    SLIP_TRY(read_header());
    SLIP_TRY(read_metadata());
    SLIP_TRY(read_alignment());
    SLIP_TRY(read_tensor_infos());
    SLIP_TRY(place_tensors());
    return std::move(out_);
  }

 private:
  Result<> read_header();
  Result<> read_metadata();
  Result<> read_alignment();
  Result<> read_tensor_infos();
  Result<> read_tensor_info(TensorView& tensor, std::uint64_t& offset);
  Result<> read_shape(TensorView& tensor);
  Result<> place_tensors();

  Result<> read_value(MetaValue& value);
  Result<> read_array(MetaArray& array, int depth);
  Result<> read_items(std::vector<std::string>& items, std::uint64_t n, int depth);
  Result<> read_items(std::vector<MetaArray>& items, std::uint64_t n, int depth);
  Result<> read_items(std::vector<bool>& items, std::uint64_t n, int depth);
  template <class T>
  Result<> read_items(std::vector<T>& items, std::uint64_t n, int depth);

  tl::unexpected<Error> truncated(std::string_view what) const {
    return invalid("expected {} at byte {}, got the end of the file ({} bytes)", what, in_.offset(),
                   file_.size());
  }

  std::span<const std::byte> file_;
  ByteCursor in_;
  ParsedGguf out_;
  std::uint64_t n_tensors_ = 0;
  std::uint64_t n_key_values_ = 0;
  std::vector<std::uint64_t> offsets_;  // of tensors, in the data section
};

// Puts what was being read in front of a message from below.
tl::unexpected<Error> within(const char* what, std::string_view name, Error error) {
  error.message = fmt::format("{} {}: {}", what, shown(name), error.message);
  return tl::unexpected(std::move(error));
}

Result<> Parser::read_header() {
  std::uint32_t magic = 0, version = 0;
  if (!in_.read(magic) || magic != kGgufMagic) {
    return invalid("expected a GGUF file (first bytes \"GGUF\"), got something else");
  }
  if (!in_.read(version)) return truncated("a version");
  if (version != 2 && version != 3) {
    if (__builtin_bswap32(version) == 2 || __builtin_bswap32(version) == 3) {
      return fail(ErrorKind::kUnsupported, "expected a little-endian file, got a big-endian one");
    }
    return fail(ErrorKind::kUnsupported, "expected GGUF version 2 or 3, got {}", version);
  }
  out_.version = version;
  if (!in_.read(n_tensors_) || !in_.read(n_key_values_)) return truncated("tensor and key counts");
  if (n_tensors_ > in_.remaining() / kMinTensorInfoBytes) {
    return invalid("expected at most {} tensors in {} bytes, got a count of {}",
                   in_.remaining() / kMinTensorInfoBytes, file_.size(), n_tensors_);
  }
  if (n_key_values_ > in_.remaining() / kMinKeyValueBytes) {
    return invalid("expected at most {} metadata keys in {} bytes, got a count of {}",
                   in_.remaining() / kMinKeyValueBytes, file_.size(), n_key_values_);
  }
  return {};
}

Result<> Parser::read_metadata() {
  for (std::uint64_t i = 0; i < n_key_values_; ++i) {
    std::string_view key;
    if (!in_.read(key)) return truncated(fmt::format("metadata key {}", i));
    if (key.empty() || key.size() > kGgufMaxKey) {
      return invalid("metadata key {}: expected a name of 1 … {} bytes, got {}", i, kGgufMaxKey,
                     key.size());
    }
    if (out_.metadata.contains(key)) {
      return invalid("metadata key {}: expected once, got a second one", shown(key));
    }
    MetaValue value;
    if (auto read = read_value(value); !read) {
      return within("metadata key", key, std::move(read).error());
    }
    out_.metadata.set(std::string(key), std::move(value));
  }
  return {};
}

Result<> Parser::read_value(MetaValue& value) {
  std::uint32_t type = 0;
  if (!in_.read(type)) return truncated("a value type");
  return with_type(GgufType{type}, [&](auto tag) -> Result<> {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, MetaArray>) {
      return read_array(value.emplace<MetaArray>(), 1);
    } else if constexpr (std::is_same_v<T, std::string>) {
      std::string_view text;
      if (!in_.read(text)) return truncated("a string");
      value.emplace<std::string>(text);
    } else if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      if (!in_.read(byte)) return truncated("a boolean");
      if (byte > 1) return invalid("expected a boolean of 0 or 1, got {}", byte);
      value.emplace<bool>(byte == 1);
    } else {
      if (!in_.read(value.emplace<T>())) return truncated("a number");
    }
    return {};
  });
}

Result<> Parser::read_array(MetaArray& array, int depth) {
  if (depth > kGgufMaxArrayDepth) {
    return invalid("expected arrays nested at most {} deep, got more", kGgufMaxArrayDepth);
  }
  std::uint32_t type = 0;
  std::uint64_t n = 0;
  if (!in_.read(type) || !in_.read(n)) return truncated("an array's type and length");
  return with_type(GgufType{type}, [&](auto tag) -> Result<> {
    using T = typename decltype(tag)::type;
    if (n > in_.remaining() / kMinItemBytes<T>) {
      return invalid("expected an array that fits the {} bytes left, got a length of {}",
                     in_.remaining(), n);
    }
    return read_items(array.items.emplace<std::vector<T>>(), n, depth);
  });
}

// The hot loop: a vocabulary and its merges are several hundred thousand short strings.
Result<> Parser::read_items(std::vector<std::string>& items, std::uint64_t n, int) {
  items.reserve(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    std::string_view text;
    if (!in_.read(text)) return truncated(fmt::format("string {} of {}", i, n));
    items.emplace_back(text);
  }
  return {};
}

Result<> Parser::read_items(std::vector<MetaArray>& items, std::uint64_t n, int depth) {
  items.resize(n);
  for (MetaArray& item : items) SLIP_TRY(read_array(item, depth + 1));
  return {};
}

Result<> Parser::read_items(std::vector<bool>& items, std::uint64_t n, int) {
  const std::byte* bytes = in_.take(n);
  items.resize(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    if (byte > 1) return invalid("expected booleans of 0 or 1, got {}", byte);
    items[i] = byte == 1;
  }
  return {};
}

template <class T>
Result<> Parser::read_items(std::vector<T>& items, std::uint64_t n, int) {
  if (n == 0) return {};
  const std::byte* bytes = in_.take(n * sizeof(T));
  items.resize(n);
  std::memcpy(items.data(), bytes, n * sizeof(T));
  return {};
}

Result<> Parser::read_alignment() {
  const MetaValue* value = out_.metadata.find("general.alignment");
  out_.alignment = kGgufDefaultAlignment;
  if (value == nullptr) return {};
  const auto* alignment = std::get_if<std::uint32_t>(value);
  if (alignment == nullptr || *alignment < 8 || (*alignment & (*alignment - 1)) != 0) {
    return invalid(
        "metadata key 'general.alignment': expected a u32, a power of two ≥ 8, got {} {}",
        type_name(*value), to_text(*value));
  }
  out_.alignment = *alignment;
  return {};
}

Result<> Parser::read_tensor_infos() {
  if (n_tensors_ > in_.remaining() / kMinTensorInfoBytes) return truncated("tensor infos");
  out_.tensors.reserve(n_tensors_);
  offsets_.reserve(n_tensors_);
  for (std::uint64_t i = 0; i < n_tensors_; ++i) {
    std::string_view name;
    if (!in_.read(name)) return truncated(fmt::format("the name of tensor {}", i));
    if (name.empty() || name.size() > kGgufMaxTensorName) {
      return invalid("tensor {}: expected a name of 1 … {} bytes, got {}", i, kGgufMaxTensorName,
                     name.size());
    }
    TensorView& tensor = out_.tensors.emplace_back();
    tensor.name = name;
    if (auto read = read_tensor_info(tensor, offsets_.emplace_back()); !read) {
      return within("tensor", name, std::move(read).error());
    }
  }
  return {};
}

Result<> Parser::read_tensor_info(TensorView& tensor, std::uint64_t& offset) {
  SLIP_TRY(read_shape(tensor));
  std::uint32_t type = 0;
  if (!in_.read(type) || !in_.read(offset)) return truncated("a type and an offset");
  const DTypeInfo* info = dtype_info(type);
  if (info == nullptr) {
    const std::string_view name = ggml_type_name(type);
    return fail(ErrorKind::kUnsupported, "expected a tensor type that Slipstream reads, got {}{}",
                name.empty() ? "the unknown type number " : name,
                name.empty() ? std::to_string(type) : fmt::format(" (type number {})", type));
  }
  tensor.dtype = info->type;
  if (offset % out_.alignment != 0) {
    return invalid("expected an offset aligned to {} bytes, got {}", out_.alignment, offset);
  }
  return {};
}

Result<> Parser::read_shape(TensorView& tensor) {
  std::uint32_t n_dims = 0;
  if (!in_.read(n_dims)) return truncated("a number of dimensions");
  if (n_dims < 1 || n_dims > kGgufMaxDims) {
    return invalid("expected 1 … {} dimensions, got {}", kGgufMaxDims, n_dims);
  }
  tensor.shape.resize(n_dims);
  for (std::int64_t& dim : tensor.shape) {
    if (!in_.read(dim)) return truncated("a dimension");
    if (dim == 0) return invalid("expected dimensions of at least 1, got 0");
  }
  return {};
}

Result<> Parser::place_tensors() {
  out_.data_offset = align_up(in_.offset(), out_.alignment);
  const std::uint64_t section =
      out_.data_offset <= file_.size() ? file_.size() - out_.data_offset : 0;
  std::vector<Extent> extents(out_.tensors.size());
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const TensorView& tensor = out_.tensors[i];
    auto n_bytes = stored_bytes(tensor.dtype, tensor.shape);
    if (!n_bytes) return within("tensor", tensor.name, std::move(n_bytes).error());
    extents[i] = {.name = tensor.name, .offset = offsets_[i], .n_bytes = *n_bytes};
  }
  std::vector<Extent> sorted = extents;
  SLIP_TRY(check_extents(sorted, section));
  for (std::size_t i = 0; i < extents.size(); ++i) {
    out_.tensors[i].bytes = file_.subspan(out_.data_offset + extents[i].offset, extents[i].n_bytes);
  }
  return {};
}

}  // namespace

Result<ParsedGguf> parse_gguf(std::span<const std::byte> file) {
  return Parser(file).run();
}

// The list of enum ggml_type in ggml.h; gaps are types that were removed.
std::string_view ggml_type_name(std::uint32_t type) {
  struct Name {
    std::uint32_t type;
    std::string_view name;
  };
  static constexpr Name kUnreadable[] = {
      {4, "Q4_2 (removed)"},
      {5, "Q4_3 (removed)"},
      {9, "Q8_1"},
      {15, "Q8_K"},
      {16, "IQ2_XXS"},
      {17, "IQ2_XS"},
      {18, "IQ3_XXS"},
      {19, "IQ1_S"},
      {21, "IQ3_S"},
      {22, "IQ2_S"},
      {29, "IQ1_M"},
      {31, "Q4_0_4_4 (removed)"},
      {32, "Q4_0_4_8 (removed)"},
      {33, "Q4_0_8_8 (removed)"},
      {34, "TQ1_0"},
      {35, "TQ2_0"},
      {36, "IQ4_NL_4_4 (removed)"},
      {37, "IQ4_NL_4_8 (removed)"},
      {38, "IQ4_NL_8_8 (removed)"},
      {40, "NVFP4"},
      {41, "Q1_0"},
      {42, "Q2_0"},
  };
  if (const DTypeInfo* info = dtype_info(type)) return info->name;
  const auto* it = std::find_if(std::begin(kUnreadable), std::end(kUnreadable),
                                [&](const Name& n) { return n.type == type; });
  return it == std::end(kUnreadable) ? std::string_view() : it->name;
}

}  // namespace slip
