#include "model/packed_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <system_error>

#include "base/os/atomic_file.h"
#include "base/os/page_cache.h"
#include "model/pack_file.h"
#include "quant/pack.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

// What goes on beside the packing of one matrix after another: progress is told, and the source's
// pages are given back to the system now and then, so that a model isn't in memory twice.
class Packing {
 public:
  Packing(const PackPlan& plan, const ModelSource& source, const PackedWeights::Options& options)
      : n_items_(std::ssize(plan.items())), options_(options), files_(source.files()) {}
  ~Packing() { release(); }
  Packing(const Packing&) = delete;
  Packing& operator=(const Packing&) = delete;

  void done(const PackItem& item) {
    constexpr std::size_t kOften = 8 << 20;
    if ((n_read_ += item.weight.bytes.size()) >= kOften) release();
    if (options_.on_progress) options_.on_progress(++n_done_, n_items_);
  }

 private:
  void release() {
    for (const MappedFile* file : files_) file->release();
    n_read_ = 0;
  }
  std::int64_t n_items_;
  const PackedWeights::Options& options_;
  std::vector<const MappedFile*> files_;
  std::int64_t n_done_ = 0;
  std::size_t n_read_ = 0;
};

// The system's clock ticks up to 10 ms apart: a file that changed just now may change again without
// a new stamp.
bool is_settled(const ModelSource& source) {
  constexpr std::int64_t kTicksNs = 100'000'000;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  const auto files = source.files();
  return std::all_of(files.begin(), files.end(), [now_ns](const MappedFile* file) {
    return file->stamp().changed_ns < now_ns - kTicksNs;
  });
}

bool is_unchanged(const std::vector<std::pair<fs::path, FileStamp>>& files) {
  return std::all_of(files.begin(), files.end(), [](const auto& file) {
    const auto now = MappedFile::open(file.first);
    return now && now->stamp() == file.second;
  });
}

// Packs matrices into a buffer and writes that in blocks of 2 MiB, each at a multiple of it: Linux
// then caches a block as one huge page, and maps it as one. With pages of 4 kB, decoding was a
// fifth slower.
class FilePacker {
 public:
  // The first matrix goes behind `begin` bytes of the file.
  static Result<FilePacker> create(AtomicFile& file, const PackPlan& plan, std::uint64_t begin,
                                   ThreadPool& pool) {
    std::uint64_t largest = 0;
    for (const PackItem& item : plan.items()) largest = std::max(largest, item.padded_bytes());
    FilePacker packer(file, begin, pool);
    packer.buffer_ = SLIP_TRY(AlignedBuffer::allocate(std::min(kOften + largest, plan.n_bytes())));
    return packer;
  }

  // In the plan's order. Gives the matrix's checksum.
  Result<std::uint64_t> pack(const PackItem& item);
  // Writes what is in the buffer, to the last byte.
  Result<> finish() { return write_until(begin_ + n_bytes_); }

 private:
  static constexpr std::uint64_t kBlock = 2 << 20;
  static constexpr std::uint64_t kOften = 32 << 20;

  FilePacker(AtomicFile& file, std::uint64_t begin, ThreadPool& pool)
      : file_(file), pool_(pool), begin_(begin) {}
  Result<> write_until(std::uint64_t end);

  AtomicFile& file_;
  ThreadPool& pool_;
  AlignedBuffer buffer_;
  std::uint64_t begin_;        // where the buffer's content begins in the file
  std::uint64_t n_bytes_ = 0;  // of its content
};

Result<std::uint64_t> FilePacker::pack(const PackItem& item) {
  const std::int64_t group_bytes = item.matrix.group_bytes;
  auto* out = buffer_.as<std::uint8_t>() + n_bytes_;
  std::atomic<std::uint64_t> checksum{0};
  const auto task = [&](std::int64_t begin, std::int64_t end, int) {
    std::uint8_t* chunk = out + begin * group_bytes;
    pack_groups(item.weight, begin, end, chunk);
    const auto n_bytes = static_cast<std::size_t>((end - begin) * group_bytes);
    checksum += chunk_checksum(std::as_bytes(std::span(chunk, n_bytes)),
                               static_cast<std::uint64_t>(begin * group_bytes));
  };
  pool_.parallel_for(item.n_groups(), groups_a_chunk(group_bytes), task);
  const std::uint64_t padding = item.padded_bytes() - item.n_bytes();
  std::memset(out + item.n_bytes(), 0, padding);
  n_bytes_ += item.padded_bytes();
  if (n_bytes_ >= kOften) SLIP_TRY(write_until((begin_ + n_bytes_) / kBlock * kBlock));
  return checksum.load();
}

Result<> FilePacker::write_until(std::uint64_t end) {
  const std::uint64_t first = begin_ / kBlock, last = (end + kBlock - 1) / kBlock;
  std::mutex mutex;
  Result<> status;
  const auto task = [&](std::int64_t block, std::int64_t, int) {
    const std::uint64_t at = first + static_cast<std::uint64_t>(block);
    const std::uint64_t from = std::max(begin_, at * kBlock), to = std::min(end, (at + 1) * kBlock);
    auto written = file_.write_at(from, {buffer_.data() + (from - begin_), to - from});
    const std::lock_guard guard(mutex);
    if (!written) status = std::move(written);
  };
  pool_.parallel_for(static_cast<std::int64_t>(last - first), 1, task);
  n_bytes_ -= end - begin_;
  std::memmove(buffer_.data(), buffer_.data() + (end - begin_), n_bytes_);
  begin_ = end;
  return status;
}

}  // namespace

Result<PackedWeights> PackedWeights::load(const PackPlan& plan, const ModelSource& source,
                                          const Options& options, ThreadPool& pool) {
  PackedWeights weights;
  const bool has_files = !source.files().empty();
  if (options.cache && options.cache->limit_bytes() > 0 && has_files && plan.n_bytes() > 0) {
    const fs::path path = options.cache->file_of(source.files().front()->path());
    // Whatever is wrong with the old file, a new one takes its place.
    if (weights.open(path, plan, source)) return weights;
    // The file of a model that is new is written at the next start: nothing to tell.
    if (is_settled(source)) {
      const auto written = weights.write(plan, source, options, pool);
      if (written) return weights;
      if (options.on_warning) {
        options.on_warning(
            fmt::format("packed weights are kept in memory: {}", written.error().message));
      }
    }
  }
  SLIP_TRY(weights.pack_in_memory(plan, source, options, pool));
  return weights;
}

Result<> PackedWeights::open(const fs::path& path, const PackPlan& plan,
                             const ModelSource& source) {
  MappedFile file = SLIP_TRY(MappedFile::open(path));
  const PackHeader header = SLIP_TRY(read_pack_header(file));
  if (header.source_key != source_key(source.files()) || !holds_plan(header, plan)) {
    return invalid("{}: made from another model, or for another version", path.string());
  }
  const FileStamp& model = source.files().front()->stamp();
  if (!is_sealed(file, model)) return invalid("{}: written to by others", path.string());
  // Setting a time, if to what it is, marks the last use, which decides which file goes first when
  // room is needed. A folder that can't be written to needs no order.
  std::error_code ignored;
  fs::last_write_time(path, seal_time(model), ignored);
  lock_ = FileLock::shared(path);
  file_ = std::move(file);
  prefer_huge_pages(file_.bytes());
  begin_ = reinterpret_cast<const std::uint8_t*>(file_.bytes().data()) + header.data_offset;
  return {};
}

Result<> PackedWeights::write(const PackPlan& plan, const ModelSource& source,
                              const Options& options, ThreadPool& pool) {
  const PackCache& cache = *options.cache;
  const fs::path path = cache.file_of(source.files().front()->path());
  PackHeader header = make_pack_header(plan, source.files());
  std::error_code error;
  fs::create_directories(cache.folder(), error);
  if (error) {
    return fail(ErrorKind::kIo, "{}: {}", cache.folder().string(), error.message());
  }
  SLIP_TRY(cache.make_room(header.data_offset + header.data_bytes));
  AtomicFile file = SLIP_TRY(AtomicFile::create(path));
  SLIP_TRY(file.reserve(header.data_offset + header.data_bytes));
  FilePacker packer = SLIP_TRY(FilePacker::create(file, plan, header.data_offset, pool));
  Packing packing(plan, source, options);
  for (std::size_t i = 0; i < plan.items().size(); ++i) {
    const PackItem& item = plan.items()[i];
    header.matrices[i].checksum = SLIP_TRY(packer.pack(item));
    packing.done(item);
  }
  SLIP_TRY(packer.finish());
  const std::string bytes = pack_header_bytes(header);
  SLIP_TRY(file.write_at(0, std::as_bytes(std::span(bytes))));
  file_ = SLIP_TRY(file.map());
  prefer_huge_pages(file_.bytes());
  begin_ = reinterpret_cast<const std::uint8_t*>(file_.bytes().data()) + header.data_offset;
  n_bytes_packed_ = plan.n_bytes();

  std::vector<std::pair<fs::path, FileStamp>> sources;
  for (const MappedFile* f : source.files()) sources.emplace_back(f->path(), f->stamp());
  try {
    written_ = std::async(std::launch::async,
                          [file = std::move(file), path, sources = std::move(sources)]() mutable {
                            // An error costs the next start some time, nothing more.
                            if (!is_unchanged(sources) || !file.commit()) return FileLock();
                            std::error_code ignored;
                            fs::last_write_time(path, seal_time(sources.front().second), ignored);
                            return FileLock::shared(path);
                          });
  } catch (const std::system_error& refused) {
    return fail(ErrorKind::kLimit, "cannot start a thread: {}", refused.what());
  }
  return {};
}

Result<> PackedWeights::pack_in_memory(const PackPlan& plan, const ModelSource& source,
                                       const Options& options, ThreadPool& pool) {
  memory_ = SLIP_TRY(AlignedBuffer::allocate(plan.n_bytes()));
  auto* out = memory_.as<std::uint8_t>();
  Packing packing(plan, source, options);
  for (const PackItem& item : plan.items()) {
    const std::int64_t group_bytes = item.matrix.group_bytes;
    const auto task = [&](std::int64_t begin, std::int64_t end, int) {
      pack_groups(item.weight, begin, end, out + item.offset + begin * group_bytes);
    };
    pool.parallel_for(item.n_groups(), groups_a_chunk(group_bytes), task);
    packing.done(item);
  }
  begin_ = out;
  return {};
}

}  // namespace slip
