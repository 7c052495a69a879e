// Writes GGUF files (docs/formats.md; specification: github.com/ggml-org/ggml, docs/gguf.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/os/atomic_file.h"
#include "base/result.h"
#include "formats/gguf.h"
#include "tensor/dtype.h"

namespace slip {

// A tensor to come. `shape` is in GGUF order (columns first), 1 … 4 dimensions.
struct GgufTensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  // In the data section; default: the next aligned place after the tensor before it.
  std::optional<std::uint64_t> offset;
};

struct GgufWriteOptions {
  std::uint32_t version = 3;  // 2 or 3: the same bytes but for this number
  // Zeros up to this size follow the data; default: up to the alignment.
  std::optional<std::uint64_t> file_bytes;
};

// A file's layout: everything before its data, and where the data of tensor i goes.
struct GgufPlan {
  std::string header;  // with the padding that the data section needs
  struct Slot {
    std::string name;
    std::uint64_t begin = 0, end = 0;  // from the beginning of the file
  };
  std::vector<Slot> slots;  // as the specs were given
  std::uint64_t file_bytes = 0;
};

// The alignment is the metadata's general.alignment, else 32. Errors (kInvalid): empty or repeated
// names, shapes that don't fit their type, overlapping or unaligned offsets, over-long keys.
Result<GgufPlan> plan_gguf(const Metadata& metadata, std::span<const GgufTensorSpec> tensors,
                           const GgufWriteOptions& options = {});

// Writes a file as a stream: the header when created, then tensor by tensor, in the order of
// their offsets (the order of the specs unless these say otherwise). The file appears under its
// name by finish() only; until then, and after any error, there is no trace of it.
// Not thread-safe. After an error only destruction makes sense.
class GgufWriter {
 public:
  // Errors: those of plan_gguf; kIo, also when the disk hasn't enough room for the whole file.
  static Result<GgufWriter> create(const std::filesystem::path& path, const Metadata& metadata,
                                   std::span<const GgufTensorSpec> tensors,
                                   const GgufWriteOptions& options = {});

  // The next tensor, whole. kInvalid when it isn't `name`'s turn, or the size is wrong.
  Result<> write_tensor(std::string_view name, std::span<const std::byte> bytes);

  // More bytes of the current tensor, for data that is produced row by row. A piece may not
  // reach into the next tensor.
  Result<> append(std::span<const std::byte> bytes);

  // Syncs the file and gives it its name. kInvalid when data is missing.
  Result<> finish();

 private:
  GgufWriter(AtomicFile file, std::filesystem::path path, GgufPlan plan);
  Result<> put(std::span<const std::byte> bytes);
  Result<> pad_to(std::uint64_t offset);
  Result<> flush();
  const GgufPlan::Slot* current() const;

  AtomicFile file_;
  std::filesystem::path path_;
  GgufPlan plan_;
  std::size_t next_ = 0;      // slot that is being filled; slots are sorted by place
  std::uint64_t offset_ = 0;  // in the file, buffered bytes included
  std::string buffer_;
};

// Writes a model that was read. One file comes out as it was, byte for byte (bytes that no tensor
// covers become zeros, as the specification wants them); a split one is merged into one file
// without its split.* keys.
Result<> write_gguf(const GgufFile& model, const std::filesystem::path& path);

}  // namespace slip
