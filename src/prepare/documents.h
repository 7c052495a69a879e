// Documents, one after another, from files of any size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/os/mapped_file.h"
#include "base/result.h"

namespace slip {

// What a document is in a text file: what stands between blank lines, a line, or all of it. In a
// file whose name ends in .jsonl it is the string "text" of each line, which holds a JSON object.
enum class DocumentUnit { kParagraphs, kLines, kFiles };

// Where a reader is.
struct DocumentPlace {
  std::uint64_t file_idx = 0;
  std::uint64_t offset = 0;  // in that file, bytes
};

// As it stands in its file.
struct RawDocument {
  std::string_view bytes;
  bool is_json = false;
};

// Reads files in their order. They are mapped, and what was read is given back: memory is that of
// the documents of one call. Not thread-safe.
class DocumentReader {
 public:
  // A longer document is read as several, cut behind a line if there is one.
  static constexpr std::uint64_t kMaxDocumentBytes = 16 << 20;

  DocumentReader(std::vector<std::filesystem::path> files, DocumentUnit unit)
      : files_(std::move(files)), unit_(unit) {}

  // The next documents: those that begin in the next `n_bytes`, so that the same ones come
  // together every time; none at the end. Valid until the next call. Errors: those of
  // MappedFile::open.
  Result<std::span<const RawDocument>> read(std::uint64_t n_bytes);

  DocumentPlace place() const { return place_; }
  // Goes on from a place that place() gave.
  void seek(DocumentPlace place);

 private:
  std::optional<RawDocument> next(std::string_view text, bool is_json);

  std::vector<std::filesystem::path> files_;
  DocumentUnit unit_;
  DocumentPlace place_;
  std::vector<MappedFile> mappings_;  // of the documents given out, and of the place
  std::vector<RawDocument> documents_;
};

}  // namespace slip
