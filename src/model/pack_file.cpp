#include "model/pack_file.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/hash.h"
#include "formats/byte_cursor.h"
#include "quant/pack.h"

namespace slip {
namespace {

constexpr char kMagic[] = {'S', 'L', 'I', 'P', 'P', 'A', 'C', 'K'};
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kChecksumOffset = 24;  // behind magic, versions and the header's length
constexpr std::size_t kChecksumEnd = kChecksumOffset + sizeof(std::uint64_t);

std::uint64_t round_up(std::uint64_t n, std::uint64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

template <class T>
void put(std::string& out, const T& value) {
  static_assert(std::is_arithmetic_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put(std::string& out, const std::string& text) {
  put(out, std::uint64_t{text.size()});
  out += text;
}

bool read_matrix(ByteCursor& in, PackHeader::Matrix& matrix) {
  std::string_view name;
  std::uint8_t kind = 0;
  if (!in.read(name) || !in.read(kind) || !in.read(matrix.n_rows) || !in.read(matrix.n_cols) ||
      !in.read(matrix.offset) || !in.read(matrix.n_bytes) || !in.read(matrix.checksum)) {
    return false;
  }
  matrix.name = name;
  matrix.kind = static_cast<PackedKind>(kind);
  return kind < std::size(kPackedLayouts) && packed_group_bytes(matrix.kind, matrix.n_cols) > 0;
}

// What follows the checksum. The bytes have been checked, so that only an older program's mistake
// could make them wrong; sizes are compared with the file all the same.
bool read_body(ByteCursor in, std::uint64_t file_bytes, PackHeader& header) {
  std::uint32_t n_sources = 0, n_matrices = 0;
  if (!in.read(header.source_key) || !in.read(header.data_offset) || !in.read(header.data_bytes) ||
      !in.read(n_sources)) {
    return false;
  }
  for (std::uint32_t i = 0; i < n_sources; ++i) {
    std::string_view path;
    if (!in.read(path)) return false;
    header.sources.emplace_back(path);
  }
  if (!in.read(n_matrices)) return false;
  for (std::uint32_t i = 0; i < n_matrices; ++i) {
    PackHeader::Matrix matrix;
    if (!read_matrix(in, matrix) || matrix.offset > header.data_bytes ||
        matrix.n_bytes > header.data_bytes - matrix.offset) {
      return false;
    }
    header.matrices.push_back(std::move(matrix));
  }
  return !header.sources.empty() && header.data_offset % kPackAlignment == 0 &&
         header.data_offset <= file_bytes && file_bytes - header.data_offset == header.data_bytes;
}

std::int64_t sealed_ns(const FileStamp& model) {
  constexpr std::int64_t kTwoSeconds = 2'000'000'000;
  return model.content_changed_ns / kTwoSeconds * kTwoSeconds;
}

}  // namespace

std::uint64_t source_key(std::span<const MappedFile* const> files) {
  constexpr std::uint64_t kSamples = 64, kSampleBytes = 4096;
  std::string content;
  for (const MappedFile* file : files) {
    const FileStamp& stamp = file->stamp();
    put(content, stamp.n_bytes);
    put(content, stamp.inode);
    put(content, stamp.content_changed_ns);
    put(content, stamp.changed_ns);
    const std::span<const std::byte> bytes = file->bytes();
    const std::uint64_t step = std::max<std::uint64_t>(kSampleBytes, bytes.size() / kSamples);
    for (std::uint64_t at = 0; at < bytes.size(); at += step) {
      const std::uint64_t n = std::min<std::uint64_t>(kSampleBytes, bytes.size() - at);
      put(content, content_hash(bytes.subspan(at, n)));
    }
  }
  return content_hash(std::as_bytes(std::span(content)));
}

PackHeader make_pack_header(const PackPlan& plan, std::span<const MappedFile* const> sources) {
  PackHeader header{.source_key = source_key(sources),
                    .sources = {},
                    .data_offset = 0,
                    .data_bytes = plan.n_bytes(),
                    .matrices = {}};
  for (const MappedFile* file : sources) {
    std::error_code error;
    auto path = std::filesystem::canonical(file->path(), error);
    if (error) path = file->path();
    header.sources.push_back(std::move(path));
  }
  for (const PackItem& item : plan.items()) {
    header.matrices.push_back({.name = item.name,
                               .kind = item.matrix.kind,
                               .n_rows = item.matrix.n_rows,
                               .n_cols = item.matrix.n_cols,
                               .offset = item.offset,
                               .n_bytes = item.n_bytes(),
                               .checksum = 0});
  }
  constexpr std::uint64_t kHugePage = 2 << 20;
  header.data_offset = round_up(pack_header_bytes(header).size(),
                                header.data_bytes < 32 * kHugePage ? kPackAlignment : kHugePage);
  return header;
}

std::string pack_header_bytes(const PackHeader& header) {
  std::string out(kMagic, sizeof kMagic);
  put(out, kFormatVersion);
  put(out, kPackedLayoutVersion);
  put(out, std::uint64_t{0});  // the header's length and checksum, known at the end
  put(out, std::uint64_t{0});
  put(out, header.source_key);
  put(out, header.data_offset);
  put(out, header.data_bytes);
  put(out, static_cast<std::uint32_t>(header.sources.size()));
  for (const auto& path : header.sources) put(out, path.string());
  put(out, static_cast<std::uint32_t>(header.matrices.size()));
  for (const PackHeader::Matrix& matrix : header.matrices) {
    put(out, matrix.name);
    put(out, static_cast<std::uint8_t>(matrix.kind));
    put(out, matrix.n_rows);
    put(out, matrix.n_cols);
    put(out, matrix.offset);
    put(out, matrix.n_bytes);
    put(out, matrix.checksum);
  }
  const std::uint64_t n_bytes = out.size();
  std::memcpy(out.data() + kChecksumOffset - sizeof n_bytes, &n_bytes, sizeof n_bytes);
  const std::uint64_t checksum =
      content_hash(std::as_bytes(std::span(out)).subspan(kChecksumEnd), n_bytes);
  std::memcpy(out.data() + kChecksumOffset, &checksum, sizeof checksum);
  return out;
}

Result<PackHeader> read_pack_header(const MappedFile& file) {
  const std::string path = file.path().string();
  ByteCursor in(file.bytes());
  const std::byte* magic = in.take(sizeof kMagic);
  if (magic == nullptr || std::memcmp(magic, kMagic, sizeof kMagic) != 0) {
    return invalid("{}: expected a file of packed weights, got something else", path);
  }
  std::uint32_t format = 0, layout = 0;
  std::uint64_t n_bytes = 0, checksum = 0;
  const bool complete = in.read(format) && in.read(layout) && in.read(n_bytes) && in.read(checksum);
  if (complete && (format != kFormatVersion || layout != kPackedLayoutVersion)) {
    return invalid("{}: expected format {} with layout {}, got {} with {}", path, kFormatVersion,
                   kPackedLayoutVersion, format, layout);
  }
  PackHeader header;
  if (!complete || n_bytes < kChecksumEnd || n_bytes > file.bytes().size()) {
    return invalid("{}: the header is cut off", path);
  }
  const auto body = file.bytes().first(n_bytes).subspan(kChecksumEnd);
  if (content_hash(body, n_bytes) != checksum ||
      !read_body(ByteCursor(body), file.bytes().size(), header)) {
    return invalid("{}: the header is damaged, or the file is cut off", path);
  }
  return header;
}

std::filesystem::file_time_type seal_time(const FileStamp& model) {
  using std::chrono::nanoseconds;
  const std::chrono::sys_time<nanoseconds> time{nanoseconds(sealed_ns(model))};
  return std::chrono::file_clock::from_sys(time);
}

bool is_sealed(const MappedFile& file, const FileStamp& model) {
  return file.stamp().content_changed_ns == sealed_ns(model);
}

bool holds_plan(const PackHeader& header, const PackPlan& plan) {
  const auto same = [](const PackHeader::Matrix& matrix, const PackItem& item) {
    return matrix.name == item.name && matrix.kind == item.matrix.kind &&
           matrix.n_rows == item.matrix.n_rows && matrix.n_cols == item.matrix.n_cols &&
           matrix.offset == item.offset && matrix.n_bytes == item.n_bytes();
  };
  return header.data_bytes == plan.n_bytes() &&
         std::equal(header.matrices.begin(), header.matrices.end(), plan.items().begin(),
                    plan.items().end(), same);
}

std::uint64_t chunk_checksum(std::span<const std::byte> chunk, std::uint64_t offset) {
  return content_hash(chunk, offset);
}

Result<> verify_pack_data(const MappedFile& file, const PackHeader& header) {
  const auto data = file.bytes().subspan(header.data_offset);
  for (const PackHeader::Matrix& matrix : header.matrices) {
    const std::int64_t group_bytes = packed_group_bytes(matrix.kind, matrix.n_cols);
    const auto chunk_bytes = static_cast<std::uint64_t>(groups_a_chunk(group_bytes) * group_bytes);
    const auto bytes = data.subspan(matrix.offset, matrix.n_bytes);
    std::uint64_t sum = 0;
    for (std::uint64_t at = 0; at < bytes.size(); at += chunk_bytes) {
      const std::uint64_t n = std::min<std::uint64_t>(chunk_bytes, bytes.size() - at);
      sum += chunk_checksum(bytes.subspan(at, n), at);
    }
    if (sum != matrix.checksum) {
      return invalid("{}: the data of {} is damaged", file.path().string(), matrix.name);
    }
  }
  return {};
}

}  // namespace slip
