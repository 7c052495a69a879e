// A file mapped read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace slip {

// What tells one state of a file from another. A program can set the time of the last change of the
// content back, but not that of the last change of anything.
struct FileStamp {
  std::uint64_t n_bytes = 0;
  std::uint64_t inode = 0;
  std::int64_t content_changed_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;          // of content, name, owner or mode
  bool operator==(const FileStamp&) const = default;
};

// Owns the mapping; movable. The bytes stay valid, at the same address, until destruction.
// Safe to read from any thread. The file must not shrink while it is mapped.
class MappedFile {
 public:
  // An empty file gives an empty span. Errors: kNotFound, kIo; a directory is kInvalid.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  // When it was opened.
  const FileStamp& stamp() const { return stamp_; }

  // Gives back the memory that what was read so far takes up in this process. It stays in the
  // system's cache, where the next read finds it.
  void release() const;

 private:
  friend class AtomicFile;
  static Result<MappedFile> map_fd(int fd, const std::filesystem::path& path);

  std::filesystem::path path_;
  FileStamp stamp_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace slip
