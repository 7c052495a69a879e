#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <system_error>

#include "base/os/page_cache.h"

namespace slip {
namespace {

bool drop_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
  ::close(fd);
  return done;
}

}  // namespace

bool drop_page_cache(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return drop_file(path);
  bool all = true;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.is_regular_file(error)) all = drop_file(entry.path()) && all;
  }
  return all && !error;
}

void prefer_huge_pages(std::span<const std::byte> mapping) {
  ::madvise(const_cast<std::byte*>(mapping.data()), mapping.size(), MADV_HUGEPAGE);
}

}  // namespace slip
