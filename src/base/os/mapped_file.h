// A file mapped read-only.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace slip {

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

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace slip
