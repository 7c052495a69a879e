#include "formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <system_error>

#include "formats/byte_cursor.h"
#include "formats/extents.h"
#include "formats/json.h"
#include "formats/safetensors_header.h"
#include "formats/shown.h"

namespace slip {
namespace {

// The reference implementation's limit.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

// The element types of the specification; those without a DType are opaque to us.
struct ElementType {
  std::string_view name;
  int n_bits;
  std::optional<DType> dtype;
};
constexpr ElementType kElementTypes[] = {
    {"F32", 32, DType::kF32},         {"F16", 16, DType::kF16},
    {"BF16", 16, DType::kBF16},       {"F64", 64, DType::kF64},
    {"I64", 64, DType::kI64},         {"I32", 32, DType::kI32},
    {"I16", 16, DType::kI16},         {"I8", 8, DType::kI8},
    {"BOOL", 8, std::nullopt},        {"U8", 8, std::nullopt},
    {"U16", 16, std::nullopt},        {"U32", 32, std::nullopt},
    {"U64", 64, std::nullopt},        {"F8_E4M3", 8, std::nullopt},
    {"F8_E5M2", 8, std::nullopt},     {"F8_E8M0", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt}, {"F8_E5M2FNUZ", 8, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},     {"F6_E3M2", 6, std::nullopt},
    {"F4", 4, std::nullopt},          {"C64", 64, std::nullopt},
};

Result<const ElementType*> element_type(std::string_view name) {
  const auto* it = std::find_if(std::begin(kElementTypes), std::end(kElementTypes),
                                [&](const ElementType& type) { return type.name == name; });
  if (it != std::end(kElementTypes)) return it;
  return fail(ErrorKind::kUnsupported, "expected an element type such as F32 or BF16, got {}",
              shown(name));
}

Result<> check_size(const SafetensorsEntry& entry, const ElementType& type) {
  const std::int64_t n = SLIP_TRY(count_elements(entry.shape));
  std::int64_t n_bits = 0;
  if (__builtin_mul_overflow(n, type.n_bits, &n_bits) || n_bits % 8 != 0) {
    return invalid("expected whole bytes, below 2^60, got {} elements of {} bits", n, type.n_bits);
  }
  const std::uint64_t n_bytes = static_cast<std::uint64_t>(n_bits) / 8;
  if (entry.end < entry.begin || entry.end - entry.begin != n_bytes) {
    return invalid("expected data_offsets {} bytes apart, got {} … {}", n_bytes, entry.begin,
                   entry.end);
  }
  return {};
}

// The data must be covered without gaps or overlaps (a gap could hide foreign content).
Result<> check_cover(const std::vector<SafetensorsEntry>& entries, std::uint64_t data_bytes) {
  std::vector<Extent> extents;
  extents.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) {
    extents.push_back({entry.name, entry.begin, entry.end - entry.begin});
  }
  SLIP_TRY(check_extents(extents, data_bytes));
  std::uint64_t next = 0;
  for (const Extent& extent : extents) {
    if (extent.offset != next) {
      return invalid("tensor {}: expected data at offset {}, where the one before ends, got {}",
                     shown(extent.name), next, extent.offset);
    }
    next = extent.end();
  }
  if (next != data_bytes) {
    return invalid("expected {} bytes of data as the header says, got {}", next, data_bytes);
  }
  return {};
}

template <class T>
std::unordered_map<std::string_view, std::size_t> index_by_name(const std::vector<T>& tensors) {
  std::unordered_map<std::string_view, std::size_t> index;
  index.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) index.emplace(tensors[i].name, i);
  return index;
}

Error at(const std::filesystem::path& path, Error error) {
  error.message = fmt::format("{}: {}", path.string(), error.message);
  return error;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes) {
  ByteCursor in(bytes);
  std::uint64_t header_bytes = 0;
  if (!in.read(header_bytes)) {
    return invalid("expected a safetensors file (at least 8 bytes), got {} bytes", bytes.size());
  }
  if (header_bytes > kMaxHeaderBytes || header_bytes > in.remaining()) {
    return invalid("expected a header of at most {} bytes, got a length of {}",
                   std::min<std::uint64_t>(kMaxHeaderBytes, in.remaining()), header_bytes);
  }
  const auto* text = reinterpret_cast<const char*>(in.take(header_bytes));
  if (header_bytes == 0 || text[0] != '{') {
    return invalid("expected a header that begins with '{{', got something else");
  }
  SafetensorsHeader header = SLIP_TRY(parse_safetensors_header({text, header_bytes}));
  const std::span<const std::byte> data = bytes.subspan(in.offset());

  SafetensorsFile file;
  file.metadata_ = std::move(header.metadata);
  std::vector<const ElementType*> types;
  for (const SafetensorsEntry& entry : header.entries) {
    auto type = element_type(entry.dtype);
    Result<> size = type ? check_size(entry, **type) : Result<>();
    if (!type || !size) {
      Error error = type ? std::move(size).error() : std::move(type).error();
      error.message = fmt::format("tensor {}: {}", shown(entry.name), error.message);
      return tl::unexpected(std::move(error));
    }
    types.push_back(*type);
  }
  SLIP_TRY(check_cover(header.entries, data.size()));

  for (std::size_t i = 0; i < header.entries.size(); ++i) {
    SafetensorsEntry& entry = header.entries[i];
    const auto content = data.subspan(entry.begin, entry.end - entry.begin);
    std::reverse(entry.shape.begin(), entry.shape.end());
    if (entry.shape.empty()) entry.shape = {1};
    if (types[i]->dtype) {
      file.tensors_.push_back(
          {std::move(entry.name), *types[i]->dtype, std::move(entry.shape), content});
    } else {
      file.others_.push_back(
          {std::move(entry.name), std::move(entry.dtype), std::move(entry.shape), content});
    }
  }
  file.index_ = index_by_name(file.tensors_);
  file.other_index_ = index_by_name(file.others_);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  MappedFile mapping = SLIP_TRY(MappedFile::open(path));
  auto file = parse(mapping.bytes());
  if (!file) return tl::unexpected(at(path, std::move(file).error()));
  file->mapping_ = std::move(mapping);
  return file;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

const OpaqueTensor* SafetensorsFile::find_other(std::string_view name) const {
  const auto it = other_index_.find(name);
  return it == other_index_.end() ? nullptr : &others_[it->second];
}

Result<SafetensorsModel> SafetensorsModel::open(const std::filesystem::path& dir) {
  std::error_code ignored;
  const auto single = dir / "model.safetensors";
  const auto index = dir / "model.safetensors.index.json";
  if (std::filesystem::exists(single, ignored)) {
    SafetensorsModel model;
    model.files_.push_back(SLIP_TRY(SafetensorsFile::open(single)));
    model.paths_.push_back(single);
    model.tensors_ = model.files_.front().tensors();
    model.others_ = model.files_.front().others();
    model.index_ = index_by_name(model.tensors_);
    return model;
  }
  if (std::filesystem::exists(index, ignored)) return open_index(dir, index);
  return fail(ErrorKind::kNotFound,
              "{}: expected model.safetensors or model.safetensors.index.json, got neither{}",
              dir.string(),
              std::filesystem::exists(dir / "pytorch_model.bin", ignored)
                  ? " (pytorch_model.bin can't be read: save the model as safetensors)"
                  : "");
}

Result<SafetensorsModel> SafetensorsModel::open_index(const std::filesystem::path& dir,
                                                      const std::filesystem::path& index) {
  const boost::json::value json = SLIP_TRY(read_json(index));
  const boost::json::object* root = json.if_object();
  const boost::json::value* map = root ? root->if_contains("weight_map") : nullptr;
  if (map == nullptr || !map->is_object()) {
    return invalid("{}: expected an object weight_map, got none", index.string());
  }
  SafetensorsModel model;
  std::map<std::string, std::size_t, std::less<>> opened;
  for (const auto& [name, value] : map->get_object()) {
    const boost::json::string* file_name = value.if_string();
    if (file_name == nullptr || file_name->empty() || *file_name == "." || *file_name == ".." ||
        file_name->find('/') != boost::json::string::npos ||
        file_name->find('\0') != boost::json::string::npos) {
      return invalid("{}: tensor {}: expected the name of a file in the same folder, got {}",
                     index.string(), shown(name), shown(boost::json::serialize(value)));
    }
    auto it = opened.find(std::string_view(*file_name));
    if (it == opened.end()) {
      const auto path = dir / std::string(*file_name);
      model.files_.push_back(SLIP_TRY(SafetensorsFile::open(path)));
      it = opened.emplace(*file_name, model.files_.size() - 1).first;
      model.paths_.push_back(path);
    }
    const SafetensorsFile& file = model.files_[it->second];
    if (const TensorView* tensor = file.find(name)) {
      model.tensors_.push_back(*tensor);
      continue;
    }
    const OpaqueTensor* other = file.find_other(name);
    if (other == nullptr) {
      return invalid("{}: expected tensor {}, which {} names, got a file without it",
                     model.paths_[it->second].string(), shown(name), index.filename().string());
    }
    model.others_.push_back(*other);
  }
  model.index_ = index_by_name(model.tensors_);
  return model;
}

std::vector<const MappedFile*> SafetensorsModel::mappings() const {
  std::vector<const MappedFile*> mappings;
  for (const SafetensorsFile& file : files_) mappings.push_back(&file.mapping());
  return mappings;
}

const TensorView* SafetensorsModel::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

std::optional<std::int64_t> SafetensorsModel::offset(std::span<const std::byte> bytes) const {
  const auto at = reinterpret_cast<std::uintptr_t>(bytes.data());
  for (const SafetensorsFile& file : files_) {
    const auto begin = reinterpret_cast<std::uintptr_t>(file.mapping().bytes().data());
    if (at >= begin && at + bytes.size() <= begin + file.mapping().bytes().size()) {
      return static_cast<std::int64_t>(at - begin);
    }
  }
  return std::nullopt;
}

}  // namespace slip
