#include "formats/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <variant>

#include "formats/extents.h"
#include "formats/gguf_types.h"
#include "formats/shown.h"

namespace slip {
namespace {

constexpr std::uint64_t kMaxAlignment = 1 << 24;
// Small pieces are gathered up to this size before they go to the system.
constexpr std::size_t kBufferBytes = 1 << 18;

template <class T>
void put_number(std::string& out, T value) {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void put_string(std::string& out, std::string_view text) {
  put_number(out, std::uint64_t{text.size()});
  out += text;
}

template <class T>
void put_item(std::string& out, const T& item) {
  if constexpr (std::is_same_v<T, std::string>) {
    put_string(out, item);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += static_cast<char>(item);
  } else {
    put_number(out, item);
  }
}

Result<> put_array(std::string& out, const MetaArray& array, int depth) {
  if (depth > kGgufMaxArrayDepth) {
    return invalid("expected arrays nested at most {} deep, got more", kGgufMaxArrayDepth);
  }
  put_number(out, static_cast<std::uint32_t>(array.items.index()));
  put_number(out, std::uint64_t{array.size()});
  return std::visit(
      [&](const auto& items) -> Result<> {
        using T = typename std::decay_t<decltype(items)>::value_type;
        if constexpr (std::is_same_v<T, MetaArray>) {
          for (const MetaArray& item : items) SLIP_TRY(put_array(out, item, depth + 1));
        } else {
          for (const T& item : items) put_item<T>(out, item);
        }
        return {};
      },
      array.items);
}

Result<> put_entry(std::string& out, const Metadata::Entry& entry) {
  if (entry.key.empty() || entry.key.size() > kGgufMaxKey) {
    return invalid("metadata key {}: expected 1 … {} bytes, got {}", shown(entry.key), kGgufMaxKey,
                   entry.key.size());
  }
  put_string(out, entry.key);
  put_number(out, static_cast<std::uint32_t>(entry.value.index()));
  if (const auto* array = std::get_if<MetaArray>(&entry.value)) {
    auto put = put_array(out, *array, 1);
    if (!put) return invalid("metadata key {}: {}", shown(entry.key), put.error().message);
    return {};
  }
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (!std::is_same_v<T, MetaArray>) put_item<T>(out, value);
      },
      entry.value);
  return {};
}

Result<std::uint64_t> alignment_of(const Metadata& metadata) {
  const MetaValue* value = metadata.find("general.alignment");
  if (value == nullptr) return kGgufDefaultAlignment;
  const auto* alignment = std::get_if<std::uint32_t>(value);
  if (alignment == nullptr || *alignment < 8 || *alignment > kMaxAlignment ||
      (*alignment & (*alignment - 1)) != 0) {
    return invalid(
        "metadata key 'general.alignment': expected a u32, a power of two of 8 … {}, got {}",
        kMaxAlignment, to_text(*value));
  }
  return *alignment;
}

Result<> check_spec(const GgufTensorSpec& tensor) {
  if (tensor.name.empty() || tensor.name.size() > kGgufMaxTensorName) {
    return invalid("expected a name of 1 … {} bytes, got {}", kGgufMaxTensorName,
                   tensor.name.size());
  }
  if (tensor.shape.empty() || tensor.shape.size() > kGgufMaxDims) {
    return invalid("expected 1 … {} dimensions, got {}", kGgufMaxDims, tensor.shape.size());
  }
  if (std::any_of(tensor.shape.begin(), tensor.shape.end(), [](auto dim) { return dim < 1; })) {
    return invalid("expected dimensions of at least 1, got less");
  }
  return {};
}

// Each tensor's place in the data section, in the order of the specs.
Result<std::vector<Extent>> place(std::span<const GgufTensorSpec> tensors,
                                  std::uint64_t alignment) {
  std::vector<Extent> extents;
  std::unordered_set<std::string_view> names;
  std::uint64_t next = 0;
  for (const GgufTensorSpec& tensor : tensors) {
    if (auto ok = check_spec(tensor); !ok) {
      return invalid("tensor {}: {}", shown(tensor.name), ok.error().message);
    }
    if (!names.insert(tensor.name).second) {
      return invalid("tensor {}: expected once, got a second one", shown(tensor.name));
    }
    auto n_bytes = stored_bytes(tensor.dtype, tensor.shape);
    if (!n_bytes) return invalid("tensor {}: {}", shown(tensor.name), n_bytes.error().message);
    const Extent extent{tensor.name, tensor.offset.value_or(next), *n_bytes};
    if (extent.offset % alignment != 0) {
      return invalid("tensor {}: expected an offset aligned to {} bytes, got {}",
                     shown(tensor.name), alignment, extent.offset);
    }
    constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 62;
    if (extent.offset > kMaxFileBytes || extent.n_bytes > kMaxFileBytes - extent.offset) {
      return invalid("tensor {}: expected a file below 2^62 bytes, got more", shown(tensor.name));
    }
    next = align_up(extent.end(), alignment);
    extents.push_back(extent);
  }
  std::vector<Extent> sorted = extents;
  SLIP_TRY(check_extents(sorted, ~std::uint64_t{0}));
  return extents;
}

}  // namespace

Result<GgufPlan> plan_gguf(const Metadata& metadata, std::span<const GgufTensorSpec> tensors,
                           const GgufWriteOptions& options) {
  if (options.version != 2 && options.version != 3) {
    return invalid("GGUF version: expected 2 or 3, got {}", options.version);
  }
  const std::uint64_t alignment = SLIP_TRY(alignment_of(metadata));
  const std::vector<Extent> extents = SLIP_TRY(place(tensors, alignment));

  GgufPlan plan;
  std::string& out = plan.header;
  put_number(out, kGgufMagic);
  put_number(out, options.version);
  put_number(out, std::uint64_t{tensors.size()});
  put_number(out, std::uint64_t{metadata.entries().size()});
  for (const Metadata::Entry& entry : metadata.entries()) SLIP_TRY(put_entry(out, entry));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    put_string(out, tensors[i].name);
    put_number(out, static_cast<std::uint32_t>(tensors[i].shape.size()));
    for (const std::int64_t dim : tensors[i].shape) put_number(out, dim);
    put_number(out, static_cast<std::uint32_t>(tensors[i].dtype));
    put_number(out, extents[i].offset);
  }

  const std::uint64_t header_bytes = out.size();
  const std::uint64_t data_offset = align_up(header_bytes, alignment);
  std::uint64_t end = tensors.empty() ? header_bytes : data_offset;
  for (const Extent& extent : extents) {
    plan.slots.push_back(
        {std::string(extent.name), data_offset + extent.offset, data_offset + extent.end()});
    end = std::max(end, plan.slots.back().end);
  }
  plan.file_bytes = options.file_bytes.value_or(align_up(end, alignment));
  if (plan.file_bytes < end) {
    return invalid("file size: expected at least {} bytes, got {}", end, plan.file_bytes);
  }
  out.resize(std::min(data_offset, plan.file_bytes));
  return plan;
}

GgufWriter::GgufWriter(AtomicFile file, std::filesystem::path path, GgufPlan plan)
    : file_(std::move(file)), path_(std::move(path)), plan_(std::move(plan)) {
  std::stable_sort(plan_.slots.begin(), plan_.slots.end(),
                   [](const auto& a, const auto& b) { return a.begin < b.begin; });
}

Result<GgufWriter> GgufWriter::create(const std::filesystem::path& path, const Metadata& metadata,
                                      std::span<const GgufTensorSpec> tensors,
                                      const GgufWriteOptions& options) {
  auto plan = plan_gguf(metadata, tensors, options);
  if (!plan) return invalid("{}: {}", path.string(), plan.error().message);
  // A disk that is too small is better told now than after hours of quantising.
  std::error_code unknown;
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::filesystem::space_info space = std::filesystem::space(parent, unknown);
  if (!unknown && space.capacity > 0 && space.available < plan->file_bytes) {
    return fail(ErrorKind::kIo, "{}: expected {} free bytes on the disk, got {}", path.string(),
                plan->file_bytes, space.available);
  }
  AtomicFile file = SLIP_TRY(AtomicFile::create(path));
  GgufWriter writer(std::move(file), path, *std::move(plan));
  SLIP_TRY(writer.put(std::as_bytes(std::span(writer.plan_.header))));
  writer.plan_.header = {};
  return writer;
}

const GgufPlan::Slot* GgufWriter::current() const {
  return next_ < plan_.slots.size() ? &plan_.slots[next_] : nullptr;
}

Result<> GgufWriter::write_tensor(std::string_view name, std::span<const std::byte> bytes) {
  const GgufPlan::Slot* slot = current();
  if (slot == nullptr || slot->name != name) {
    return invalid("{}: expected {}, got tensor {}", path_.string(),
                   slot == nullptr ? "no more tensors" : "tensor " + shown(slot->name),
                   shown(name));
  }
  if (offset_ > slot->begin) {
    return invalid("{}: expected the rest of tensor {}, got all of it", path_.string(),
                   shown(name));
  }
  if (bytes.size() != slot->end - slot->begin) {
    return invalid("{}: tensor {}: expected {} bytes, got {}", path_.string(), shown(name),
                   slot->end - slot->begin, bytes.size());
  }
  return append(bytes);
}

Result<> GgufWriter::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  const GgufPlan::Slot* slot = current();
  if (slot == nullptr) {
    return invalid("{}: expected no more data, got {} bytes", path_.string(), bytes.size());
  }
  SLIP_TRY(pad_to(std::max(slot->begin, offset_)));
  if (bytes.size() > slot->end - offset_) {
    return invalid("{}: tensor {}: expected {} bytes more, got {}", path_.string(),
                   shown(slot->name), slot->end - offset_, bytes.size());
  }
  SLIP_TRY(put(bytes));
  if (offset_ == slot->end) ++next_;
  return {};
}

Result<> GgufWriter::finish() {
  if (const GgufPlan::Slot* slot = current()) {
    return invalid("{}: expected data of tensor {}, got the end", path_.string(),
                   shown(slot->name));
  }
  SLIP_TRY(pad_to(plan_.file_bytes));
  SLIP_TRY(flush());
  return file_.commit();
}

Result<> GgufWriter::put(std::span<const std::byte> bytes) {
  offset_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferBytes) SLIP_TRY(flush());
  if (bytes.size() > kBufferBytes) return file_.write(bytes);
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {};
}

Result<> GgufWriter::pad_to(std::uint64_t offset) {
  static constexpr std::byte kZeros[4096] = {};
  while (offset_ < offset) {
    SLIP_TRY(put(std::span(kZeros, std::min<std::uint64_t>(sizeof(kZeros), offset - offset_))));
  }
  return {};
}

Result<> GgufWriter::flush() {
  if (!buffer_.empty()) SLIP_TRY(file_.write(buffer_));
  buffer_.clear();
  return {};
}

Result<> write_gguf(const GgufFile& model, const std::filesystem::path& path) {
  const bool single = model.shards().size() == 1;
  const GgufShard& first = model.shards().front();
  Metadata metadata = model.metadata();
  GgufWriteOptions options;
  if (single) {
    options = {.version = first.version, .file_bytes = first.bytes.size()};
  } else {
    for (const char* key : {"split.no", "split.count", "split.tensors.count"}) metadata.erase(key);
  }
  std::vector<GgufTensorSpec> specs;
  std::vector<const TensorView*> by_place;
  for (const TensorView& tensor : model.tensors()) {
    GgufTensorSpec spec{tensor.name, tensor.dtype, tensor.shape, std::nullopt};
    if (single) {
      spec.offset =
          static_cast<std::uint64_t>(tensor.bytes.data() - first.bytes.data()) - first.data_offset;
    }
    specs.push_back(std::move(spec));
    by_place.push_back(&tensor);
  }
  if (single) {
    std::stable_sort(by_place.begin(), by_place.end(), [](const auto* a, const auto* b) {
      return a->bytes.data() < b->bytes.data();
    });
  }
  GgufWriter writer = SLIP_TRY(GgufWriter::create(path, metadata, specs, options));
  for (const TensorView* tensor : by_place) {
    SLIP_TRY(writer.write_tensor(tensor->name, tensor->bytes));
  }
  return writer.finish();
}

}  // namespace slip
