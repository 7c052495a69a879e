// GGUF model files, versions 2 and 3, little-endian, in one file or split into several.
// Specification: github.com/ggml-org/ggml, docs/gguf.md. What we rely on: docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/metadata.h"
#include "base/os/mapped_file.h"
#include "base/result.h"
#include "tensor/tensor_view.h"

namespace slip {

// One file of a model; most models have one only.
struct GgufShard {
  std::filesystem::path path;  // empty when parsed from memory
  std::span<const std::byte> bytes;
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  std::uint64_t data_offset = 0;  // where the data section begins in `bytes`
  std::size_t n_tensors = 0;
};

// A parsed model file: metadata, and tensors that point into the mapping (nothing is copied).
// Everything in the file has been checked: a tensor's bytes lie in the file, apart from all others,
// and its columns are whole blocks. Immutable, so safe to read from any thread; movable, and views
// stay valid over a move.
class GgufFile {
 public:
  // Opens a file; when its split.count says so, also the other parts, which must lie beside it and
  // be named <prefix>-00001-of-0000N.gguf. `path` may be any of the parts. Metadata is the first
  // part's; tensors are in the order of parts. Every message begins with the path.
  // Errors: kNotFound, kIo; kInvalid for a malformed file; kUnsupported for another version,
  // big-endian files, and tensor types that DType doesn't list.
  static Result<GgufFile> open(const std::filesystem::path& path);

  // The same for one file in memory; the caller keeps `bytes` alive. A part of a split model is
  // taken as it is.
  static Result<GgufFile> parse(std::span<const std::byte> bytes);

  GgufFile(GgufFile&&) noexcept;
  GgufFile& operator=(GgufFile&&) noexcept;
  ~GgufFile();

  const Metadata& metadata() const { return metadata_; }
  const std::vector<TensorView>& tensors() const { return tensors_; }
  // Null when there is no such tensor.
  const TensorView* find(std::string_view name) const;

  // Of the first part.
  std::uint32_t version() const { return shards_.front().version; }
  std::uint64_t alignment() const { return shards_.front().alignment; }

  const std::vector<GgufShard>& shards() const { return shards_; }
  // One a part; none when parsed from memory.
  const std::vector<MappedFile>& mappings() const { return mappings_; }
  // The part that holds tensors()[i], and the tensor's offset from the beginning of that file.
  struct Place {
    std::size_t shard = 0;
    std::uint64_t offset = 0;
  };
  Place place(std::size_t tensor_idx) const;

 private:
  GgufFile();
  static Result<GgufFile> open_part(const std::filesystem::path& path);
  // Takes over the other file's parts, mappings and tensors, but not its metadata; clears the
  // index.
  void append(GgufFile&& other);
  Result<> index_tensors();

  Metadata metadata_;
  std::vector<TensorView> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // keys point into tensors_
  std::vector<GgufShard> shards_;
  std::vector<MappedFile> mappings_;
};

}  // namespace slip
