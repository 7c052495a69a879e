#include "model/pack_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "base/os/file_lock.h"
#include "base/os/mapped_file.h"
#include "model/pack_file.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".pack";
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<fs::path> default_folder() {
  if (const std::string folder = environment("SLIPSTREAM_PACK_CACHE"); !folder.empty()) {
    return folder;
  }
  if (const std::string caches = environment("XDG_CACHE_HOME"); !caches.empty()) {
    return fs::path(caches) / "slipstream/packed";
  }
  if (const std::string home = environment("HOME"); !home.empty()) {
    return fs::path(home) / ".cache/slipstream/packed";
  }
  return fail(ErrorKind::kNotFound, "no folder: expected SLIPSTREAM_PACK_CACHE or HOME to be set");
}

Result<std::uint64_t> parse_size(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  const std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
  constexpr std::string_view kUnits = "KMGT";
  const auto at = unit.empty() ? std::string_view::npos : kUnits.find(unit[0]);
  const std::uint64_t scale = unit.empty() ? 1 : std::uint64_t{1} << (10 * (at + 1) % 64);
  if (parsed.ec != std::errc() || unit.size() > 1 ||
      (!unit.empty() && at == std::string_view::npos) || number > UINT64_MAX / scale) {
    return invalid(
        "SLIPSTREAM_PACK_CACHE_LIMIT: expected bytes, or a number with K, M, G or T, got '{}'",
        text);
  }
  return number * scale;
}

struct FileInfo {
  fs::path path;
  std::uint64_t n_bytes = 0;
};

// Each use sets the file's times, and so the time of its last change of anything.
std::int64_t used_ns(const fs::path& path) {
  const auto file = MappedFile::open(path);
  return file ? file->stamp().changed_ns : 0;
}

// What follows our suffix in a file's name; empty when the name has none of ours.
std::optional<std::string_view> behind_suffix(std::string_view name) {
  for (const std::string_view suffix : {kSuffix, PackCache::kLogitsSuffix}) {
    const auto at = name.rfind(suffix);
    if (at != std::string_view::npos) return name.substr(at + suffix.size());
  }
  return std::nullopt;
}

// Files of the folder with a name that ends (or, of unfinished ones, goes on) as ours do.
std::vector<FileInfo> files_of(const fs::path& folder, bool unfinished) {
  std::vector<FileInfo> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const auto rest = behind_suffix(name);
    if (!rest) continue;
    const bool is_unfinished = rest->substr(0, 5) == ".tmp-";
    if (is_unfinished != unfinished || (!rest->empty() && !is_unfinished)) continue;
    std::error_code gone;
    FileInfo file{.path = entry.path(), .n_bytes = entry.file_size(gone)};
    if (!gone) files.push_back(std::move(file));
  }
  return files;
}

std::uint64_t total_bytes(const std::vector<FileInfo>& files) {
  std::uint64_t sum = 0;
  for (const FileInfo& file : files) sum += file.n_bytes;
  return sum;
}

// The folder need not be there yet.
std::uint64_t default_limit(const fs::path& folder) {
  std::error_code error;
  fs::path existing = fs::absolute(folder, error);
  while (!fs::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  const fs::space_info space = fs::space(existing, error);
  if (error) return 64 * kGiB;
  const std::uint64_t share = (space.available + total_bytes(files_of(folder, false))) / 5;
  // No room is something to tell; a limit of 0 means that no files are wanted.
  return std::clamp<std::uint64_t>(share, 1, 64 * kGiB);
}

// Of processes that were killed while they wrote: nothing was written for an hour.
void remove_leftovers(const fs::path& folder) {
  const auto an_hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const FileInfo& file : files_of(folder, true)) {
    std::error_code ignored;
    const auto written = fs::last_write_time(file.path, ignored);
    if (!ignored && written < an_hour_ago) fs::remove(file.path, ignored);
  }
}

// A folder of safetensors has a name that says more than its files' do.
fs::path shown_path(const fs::path& model) {
  return model.extension() == ".safetensors" ? model.parent_path() : model;
}

PackCache::State state_of(const MappedFile& pack, const PackHeader& header) {
  std::vector<MappedFile> files;
  for (const fs::path& path : header.sources) {
    auto file = MappedFile::open(path);
    if (!file) return PackCache::State::kStale;
    files.push_back(std::move(*file));
  }
  std::vector<const MappedFile*> sources;
  sources.reserve(files.size());
  for (const MappedFile& file : files) sources.push_back(&file);
  if (source_key(sources) != header.source_key) return PackCache::State::kStale;
  return is_sealed(pack, sources.front()->stamp()) ? PackCache::State::kCurrent
                                                   : PackCache::State::kDamaged;
}

}  // namespace

Result<PackCache> PackCache::from_environment() {
  fs::path folder = SLIP_TRY(default_folder());
  const std::string limit = environment("SLIPSTREAM_PACK_CACHE_LIMIT");
  const std::uint64_t n_bytes = limit.empty() ? default_limit(folder) : SLIP_TRY(parse_size(limit));
  return PackCache(std::move(folder), n_bytes);
}

fs::path PackCache::file_of(const fs::path& model) const {
  std::error_code error;
  fs::path path = fs::canonical(model, error);
  if (error) path = model;
  const std::string text = path.string();
  const std::uint64_t hash = content_hash(std::as_bytes(std::span(text)));
  // File names may be 255 bytes long.
  const std::string label = shown_path(path).stem().string().substr(0, 200);
  return folder_ / fmt::format("{}-{:016x}{}", label, hash, kSuffix);
}

Result<> PackCache::make_room(std::uint64_t n_bytes) const {
  if (n_bytes > limit_bytes_) {
    return fail(ErrorKind::kLimit, "{}: {} bytes are more than the cache may hold, {}",
                folder_.string(), n_bytes, limit_bytes_);
  }
  remove_leftovers(folder_);
  std::vector<FileInfo> files = files_of(folder_, false);
  std::uint64_t total = total_bytes(files);
  std::multimap<std::int64_t, FileInfo> by_use;
  for (FileInfo& file : files) by_use.emplace(used_ns(file.path), std::move(file));
  for (const auto& [used, file] : by_use) {
    if (total + n_bytes <= limit_bytes_) return {};
    if (!FileLock::exclusive(file.path).is_held()) continue;
    std::error_code error;
    fs::remove(file.path, error);
    if (!error) total -= file.n_bytes;
  }
  if (total + n_bytes <= limit_bytes_) return {};
  return fail(ErrorKind::kLimit, "{}: {} bytes don't fit beside the files that are in use",
              folder_.string(), n_bytes);
}

std::vector<PackCache::Entry> PackCache::list() const {
  std::vector<Entry> entries;
  for (const FileInfo& info : files_of(folder_, false)) {
    if (info.path.extension() != kSuffix) continue;
    Entry entry{.name = info.path.filename().string(),
                .model = {},
                .n_bytes = info.n_bytes,
                .used_s = used_ns(info.path) / 1'000'000'000,
                .state = State::kDamaged};
    const auto file = MappedFile::open(info.path);
    const auto header = file ? read_pack_header(*file) : tl::unexpected(file.error());
    if (header) {
      entry.model = shown_path(header->sources.front());
      entry.state = state_of(*file, *header);
    }
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

Result<> PackCache::remove(const std::string& name) const {
  const fs::path path = folder_ / name;
  std::error_code error;
  fs::remove(path, error);
  if (error) return fail(ErrorKind::kIo, "{}: {}", path.string(), error.message());
  return {};
}

}  // namespace slip
