// safetensors files: one file, or several named by an index.
// Specification: github.com/huggingface/safetensors, README. What we rely on: docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/os/mapped_file.h"
#include "base/result.h"
#include "tensor/tensor_view.h"

namespace slip {

// A tensor of an element type that the format knows and DType doesn't (BOOL, U8, F8_E4M3 …).
struct OpaqueTensor {
  std::string name;
  std::string type;                 // as the file spells it
  std::vector<std::int64_t> shape;  // in GGUF order
  std::span<const std::byte> bytes;
};

// A parsed file; tensors point into the mapping. Shapes are in GGUF order, the reverse of the
// file's (a scalar's is {1}); a dimension may be 0. The format promises no alignment: a tensor's
// bytes may begin at any address, so read elements by memcpy or unaligned loads.
// Immutable, so safe to read from any thread; movable, and views stay valid over a move.
class SafetensorsFile {
 public:
  // Errors: kNotFound, kIo; kInvalid for a malformed file; kUnsupported for an unknown element
  // type.
  static Result<SafetensorsFile> open(const std::filesystem::path& path);
  // The same in memory; the caller keeps `bytes` alive.
  static Result<SafetensorsFile> parse(std::span<const std::byte> bytes);

  // In the header's order.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const std::vector<OpaqueTensor>& others() const { return others_; }
  const TensorView* find(std::string_view name) const;
  const OpaqueTensor* find_other(std::string_view name) const;
  // "__metadata__": free text by key.
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }
  // Empty when parsed from memory.
  const MappedFile& mapping() const { return mapping_; }

 private:
  std::vector<TensorView> tensors_;
  std::vector<OpaqueTensor> others_;
  std::vector<std::pair<std::string, std::string>> metadata_;
  // Keys point into tensors_ and others_.
  std::unordered_map<std::string_view, std::size_t> index_;
  std::unordered_map<std::string_view, std::size_t> other_index_;
  MappedFile mapping_;
};

// The tensors of a model: model.safetensors, or the files that model.safetensors.index.json names.
class SafetensorsModel {
 public:
  // `dir` is the folder; the single file wins when both are there. A tensor is taken from the file
  // that the index names for it. Errors: kNotFound when there is neither (the message says what
  // was looked for); kInvalid when the index names a tensor that its file doesn't hold.
  static Result<SafetensorsModel> open(const std::filesystem::path& dir);

  // A single file's tensors in its order; an index's in the index's order.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const std::vector<OpaqueTensor>& others() const { return others_; }
  const TensorView* find(std::string_view name) const;
  const std::vector<std::filesystem::path>& files() const { return paths_; }
  // Where the bytes of one of these tensors begin in its file; nothing for other bytes.
  std::optional<std::int64_t> offset(std::span<const std::byte> bytes) const;
  std::vector<const MappedFile*> mappings() const;

 private:
  static Result<SafetensorsModel> open_index(const std::filesystem::path& dir,
                                             const std::filesystem::path& index);

  std::vector<TensorView> tensors_;
  std::vector<OpaqueTensor> others_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::vector<SafetensorsFile> files_;
  std::vector<std::filesystem::path> paths_;
};

}  // namespace slip
