// A lock on a file that all processes see, and that ends with the object or its process.
#pragma once

#include <filesystem>
#include <utility>

namespace slip {

// Advisory: it says that a file is in use, and keeps nobody from reading, replacing or removing it.
// Holders of shared locks don't exclude each other, within a process either. Movable.
class FileLock {
 public:
  FileLock() = default;
  // Not held afterwards when the file can't be opened or another lock is in the way; never waits.
  static FileLock shared(const std::filesystem::path& path);
  static FileLock exclusive(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

  bool is_held() const { return fd_ >= 0; }

 private:
  FileLock(const std::filesystem::path& path, int kind);
  int fd_ = -1;
};

}  // namespace slip
