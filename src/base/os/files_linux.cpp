#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/os/atomic_file.h"
#include "base/os/mapped_file.h"

namespace slip {
namespace {

auto os_error(const std::filesystem::path& path, const char* what) {
  const int code = errno;
  const auto kind = code == ENOENT || code == ENOTDIR ? ErrorKind::kNotFound : ErrorKind::kIo;
  return fail(kind, "{}: {}: {}", path.string(), what, std::strerror(code));
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return os_error(path, "cannot open");
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    auto error = os_error(path, "cannot stat");
    ::close(fd);
    return error;
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return invalid("{}: expected a regular file, got {}", path.string(),
                   S_ISDIR(info.st_mode) ? "a directory" : "a special file");
  }
  MappedFile file;
  file.size_ = static_cast<std::size_t>(info.st_size);
  if (file.size_ > 0) {
    void* data = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
      file.size_ = 0;
      auto error = os_error(path, "cannot map");
      ::close(fd);
      return error;
    }
    file.data_ = static_cast<const std::byte*>(data);
  }
  ::close(fd);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& target) {
  static std::atomic<unsigned> counter{0};
  AtomicFile file;
  file.target_ = target;
  struct stat info {};
  if (::stat(target.c_str(), &info) == 0) {
    // Through a link the file that it names is replaced, and a device or pipe is written to.
    std::error_code ignored;
    if (S_ISREG(info.st_mode)) {
      file.target_ = std::filesystem::canonical(target, ignored);
    } else if (!S_ISDIR(info.st_mode)) {
      file.fd_ = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
      if (file.fd_ < 0) return os_error(target, "cannot open");
      return file;
    }
  }
  file.temporary_ = file.target_;
  file.temporary_ += fmt::format(".tmp-{}-{}", ::getpid(), counter.fetch_add(1));
  file.fd_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return os_error(target, "cannot create");
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
