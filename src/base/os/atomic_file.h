// A file that appears whole or not at all: written under a temporary name beside its target,
// synced, renamed on commit(); removed when destroyed uncommitted. A target that is a device or a
// pipe is written to directly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/os/mapped_file.h"
#include "base/result.h"

namespace slip {

class AtomicFile {
 public:
  // `mode`: the permissions of a new file, less the umask's; a file that is replaced keeps its own.
  static Result<AtomicFile> create(const std::filesystem::path& target, unsigned mode = 0644);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) = delete;
  ~AtomicFile();

  // Appends. Buffered by the OS; a full disk is an error here or in commit().
  Result<> write(std::span<const std::byte> bytes);
  Result<> write(std::string_view text);
  std::uint64_t offset() const { return offset_; }

  // For a file that isn't written from the first byte to the last: makes room, so that a full disk
  // shows here; writes at any place, from any thread; maps what was written, before the commit or
  // without one. The mapping outlives the object.
  Result<> reserve(std::uint64_t n_bytes);
  Result<> write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  Result<MappedFile> map() const;

  // Syncs the data, renames over the target and syncs the directory.
  Result<> commit();

 private:
  AtomicFile() = default;
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  std::uint64_t offset_ = 0;
  int fd_ = -1;
};

}  // namespace slip
