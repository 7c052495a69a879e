#include "formats/gguf.h"

#include <fmt/format.h>

#include <cctype>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "formats/gguf_parse.h"
#include "formats/shown.h"

namespace slip {
namespace {

// What the split.* keys say. A file without them is part 0 of 1.
struct SplitInfo {
  std::int64_t no = 0;
  std::int64_t count = 1;
  std::int64_t n_tensors = -1;  // in all parts; −1: not said
  bool operator==(const SplitInfo&) const = default;
};

Result<SplitInfo> read_split_info(const Metadata& metadata) {
  SplitInfo split;
  split.count = SLIP_TRY(metadata.integer_or("split.count", 1));
  split.no = SLIP_TRY(metadata.integer_or("split.no", 0));
  split.n_tensors = SLIP_TRY(metadata.integer_or("split.tensors.count", -1));
  // A file that was never split may say 0.
  if (split.count == 0) split.count = 1;
  if (split.count < 0 || split.count > std::numeric_limits<std::uint16_t>::max()) {
    return invalid("metadata key split.count: expected 1 … 65535, got {}", split.count);
  }
  if (split.no < 0 || split.no >= split.count) {
    return invalid("metadata key split.no: expected 0 … {}, got {}", split.count - 1, split.no);
  }
  return split;
}

std::string part_suffix(std::int64_t no, std::int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", no + 1, count);
}

Error at(const std::filesystem::path& path, Error error) {
  error.message = fmt::format("{}: {}", path.string(), error.message);
  return error;
}

}  // namespace

GgufFile::GgufFile() = default;
GgufFile::GgufFile(GgufFile&&) noexcept = default;
GgufFile& GgufFile::operator=(GgufFile&&) noexcept = default;
GgufFile::~GgufFile() = default;

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes) {
  ParsedGguf parsed = SLIP_TRY(parse_gguf(bytes));
  GgufFile file;
  file.shards_.push_back({.path = {},
                          .bytes = bytes,
                          .version = parsed.version,
                          .alignment = parsed.alignment,
                          .data_offset = parsed.data_offset,
                          .n_tensors = parsed.tensors.size()});
  file.metadata_ = std::move(parsed.metadata);
  file.tensors_ = std::move(parsed.tensors);
  SLIP_TRY(file.index_tensors());
  return file;
}

Result<GgufFile> GgufFile::open_part(const std::filesystem::path& path) {
  MappedFile mapping = SLIP_TRY(MappedFile::open(path));
  auto file = parse(mapping.bytes());
  if (!file) return tl::unexpected(at(path, std::move(file).error()));
  file->shards_.front().path = path;
  file->mappings_.push_back(std::move(mapping));
  return file;
}

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  GgufFile opened = SLIP_TRY(open_part(path));
  auto split = read_split_info(opened.metadata_);
  if (!split) return tl::unexpected(at(path, std::move(split).error()));
  if (split->count == 1) return opened;

  const std::string name = path.filename().string();
  const std::string suffix = part_suffix(split->no, split->count);
  if (name.size() < suffix.size() || name.substr(name.size() - suffix.size()) != suffix) {
    return invalid("{}: expected a name ending in {} for part {} of a split model, got {}",
                   path.string(), suffix, split->no + 1, shown(name));
  }
  const std::string prefix = name.substr(0, name.size() - suffix.size());
  std::optional<GgufFile> model;
  for (std::int64_t no = 0; no < split->count; ++no) {
    const auto part_path = path.parent_path() / (prefix + part_suffix(no, split->count));
    // NOLINTNEXTLINE(bugprone-use-after-move): of all rounds one moves `opened`.
    GgufFile part = no == split->no ? std::move(opened) : SLIP_TRY(open_part(part_path));
    auto info = read_split_info(part.metadata_);
    if (!info) return tl::unexpected(at(part_path, std::move(info).error()));
    if (*info != SplitInfo{.no = no, .count = split->count, .n_tensors = split->n_tensors}) {
      return invalid("{}: expected part {} of {} with {} tensors in all, got part {} of {} with {}",
                     part_path.string(), no + 1, split->count, split->n_tensors, info->no + 1,
                     info->count, info->n_tensors);
    }
    if (!model) {
      model = std::move(part);
    } else {
      model->append(std::move(part));
    }
  }
  if (split->n_tensors >= 0 && std::cmp_not_equal(split->n_tensors, model->tensors_.size())) {
    return invalid("{}: expected {} tensors in all parts (split.tensors.count), got {}",
                   path.string(), split->n_tensors, model->tensors_.size());
  }
  if (auto indexed = model->index_tensors(); !indexed) {
    return tl::unexpected(at(path, std::move(indexed).error()));
  }
  return std::move(*model);
}

void GgufFile::append(GgufFile&& other) {
  index_.clear();  // its keys point to names that may move now
  for (TensorView& tensor : other.tensors_) tensors_.push_back(std::move(tensor));
  for (GgufShard& shard : other.shards_) shards_.push_back(std::move(shard));
  for (MappedFile& mapping : other.mappings_) mappings_.push_back(std::move(mapping));
}

Result<> GgufFile::index_tensors() {
  index_.clear();
  index_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!index_.emplace(tensors_[i].name, i).second) {
      return invalid("tensor {}: expected once, got a second one", shown(tensors_[i].name));
    }
  }
  return {};
}

const TensorView* GgufFile::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

GgufFile::Place GgufFile::place(std::size_t tensor_idx) const {
  Place place;
  std::size_t first = 0;
  while (tensor_idx >= first + shards_[place.shard].n_tensors) {
    first += shards_[place.shard++].n_tensors;
  }
  place.offset = static_cast<std::uint64_t>(tensors_[tensor_idx].bytes.data() -
                                            shards_[place.shard].bytes.data());
  return place;
}

}  // namespace slip
