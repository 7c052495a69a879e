#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/os/atomic_file.h"
#include "base/os/file_lock.h"
#include "base/os/mapped_file.h"

namespace slip {
namespace {

auto os_error(const std::filesystem::path& path, const char* what) {
  const int code = errno;
  const auto kind = code == ENOENT || code == ENOTDIR ? ErrorKind::kNotFound : ErrorKind::kIo;
  return fail(kind, "{}: {}: {}", path.string(), what, std::strerror(code));
}

std::int64_t to_ns(const struct timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return os_error(path, "cannot open");
  auto file = map_fd(fd, path);
  ::close(fd);
  return file;
}

Result<MappedFile> MappedFile::map_fd(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return os_error(path, "cannot stat");
  if (!S_ISREG(info.st_mode)) {
    return invalid("{}: expected a regular file, got {}", path.string(),
                   S_ISDIR(info.st_mode) ? "a directory" : "a special file");
  }
  MappedFile file;
  file.path_ = path;
  file.stamp_ = {.n_bytes = static_cast<std::uint64_t>(info.st_size),
                 .inode = info.st_ino,
                 .content_changed_ns = to_ns(info.st_mtim),
                 .changed_ns = to_ns(info.st_ctim)};
  file.size_ = static_cast<std::size_t>(info.st_size);
  if (file.size_ > 0) {
    void* data = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
      file.size_ = 0;
      return os_error(path, "cannot map");
    }
    file.data_ = static_cast<const std::byte*>(data);
  }
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept {
  *this = std::move(other);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(stamp_, other.stamp_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release() const {
  if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

FileLock FileLock::shared(const std::filesystem::path& path) {
  return FileLock(path, LOCK_SH);
}

FileLock FileLock::exclusive(const std::filesystem::path& path) {
  return FileLock(path, LOCK_EX);
}

FileLock::FileLock(const std::filesystem::path& path, int kind)
    : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (fd_ >= 0 && ::flock(fd_, kind | LOCK_NB) != 0) ::close(std::exchange(fd_, -1));
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& target, unsigned mode) {
  static std::atomic<unsigned> counter{0};
  AtomicFile file;
  file.target_ = target;
  struct stat info {};
  bool replaces = false;
  if (::stat(target.c_str(), &info) == 0) {
    // Through a link the file that it names is replaced, and a device or pipe is written to.
    std::error_code ignored;
    if (S_ISREG(info.st_mode)) {
      file.target_ = std::filesystem::canonical(target, ignored);
      replaces = true;
      mode = info.st_mode & 0777;
    } else if (!S_ISDIR(info.st_mode)) {
      file.fd_ = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
      if (file.fd_ < 0) return os_error(target, "cannot open");
      return file;
    }
  }
  file.temporary_ = file.target_;
  file.temporary_ += fmt::format(".tmp-{}-{}", ::getpid(), counter.fetch_add(1));
  file.fd_ = ::open(file.temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file.fd_ < 0) return os_error(target, "cannot create");
  if (replaces && ::fchmod(file.fd_, mode) != 0) return os_error(target, "cannot set permissions");
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      offset_(other.offset_),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<> AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return os_error(target_, "cannot write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset_ += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<> AtomicFile::reserve(std::uint64_t n_bytes) {
  // A write past this limit raises a signal that ends the process.
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && n_bytes > limit.rlim_cur) {
    return fail(ErrorKind::kIo, "{}: cannot write: {} bytes are beyond the limit on file sizes",
                target_.string(), n_bytes);
  }
  while (::fallocate(fd_, 0, 0, static_cast<off_t>(n_bytes)) != 0) {
    if (errno != EINTR && errno != EOPNOTSUPP) return os_error(target_, "cannot write");
    // Without the promise of room, a full disk shows in a write.
    if (errno == EOPNOTSUPP && ::ftruncate(fd_, static_cast<off_t>(n_bytes)) == 0) break;
  }
  return {};
}

Result<> AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return os_error(target_, "cannot write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<MappedFile> AtomicFile::map() const {
  return MappedFile::map_fd(fd_, target_);
}

Result<> AtomicFile::write(std::string_view text) {
  return write(std::as_bytes(std::span(text)));
}

Result<> AtomicFile::commit() {
  if (temporary_.empty()) {
    ::close(std::exchange(fd_, -1));
    return {};
  }
  if (::fsync(fd_) != 0) return os_error(target_, "cannot sync");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return os_error(target_, "cannot rename");
  ::close(std::exchange(fd_, -1));
  const std::filesystem::path parent = target_.has_parent_path() ? target_.parent_path() : ".";
  const int dir = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    ::fsync(dir);
    ::close(dir);
  }
  return {};
}

}  // namespace slip
