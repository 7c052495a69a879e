#include "measure/eval/base_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "measure/eval/base_logits.h"
#include "model/pack_file.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

PackCache::State state_of(const MappedFile& file, const LogitsHeader& header) {
  std::error_code error;
  fs::path model = header.model;
  if (fs::is_directory(model, error)) model /= "config.json";
  const auto source = MappedFile::open(model);
  if (!source) return PackCache::State::kStale;
  return source->stamp().content_changed_ns < file.stamp().content_changed_ns
             ? PackCache::State::kCurrent
             : PackCache::State::kStale;
}

}  // namespace

std::uint64_t BaseCache::key_of(const ModelSource& source, const LoadOptions& options,
                                const Windows& windows) {
  const bool is_exact = options.arithmetic == Arithmetic::kExact;
  const auto number = [&](auto value) { return is_exact ? 0 : static_cast<std::uint64_t>(value); };
  const std::array<std::uint64_t, 6> parts{source_key(source.files()),  is_exact ? 1U : 0U,
                                           number(options.activations), number(options.k_type),
                                           number(options.v_type),      windows.hash()};
  return content_hash(std::as_bytes(std::span(parts)));
}

fs::path BaseCache::file_of(const fs::path& model, std::uint64_t key) const {
  const fs::path path = model.has_filename() ? model : model.parent_path();
  const bool is_file = path.extension() == ".gguf";
  const fs::path label = is_file ? path.stem() : path.filename();
  return folder_.folder() /
         fmt::format("{}-{:016x}{}", label.string().substr(0, 200), key, PackCache::kLogitsSuffix);
}

void BaseCache::mark_used(const fs::path& file) const {
  std::error_code ignored;
  fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
}

Result<> BaseCache::make_room(std::int64_t n_vocab, const Windows& windows) const {
  std::error_code error;
  fs::create_directories(folder_.folder(), error);
  if (error) {
    return fail(ErrorKind::kIo, "{}: {}", folder_.folder().string(), error.message());
  }
  LogitsHeader header;
  header.n_vocab = n_vocab;
  header.n_rows = windows.n_scored();
  return folder_.make_room(header.file_bytes());
}

std::vector<PackCache::Entry> BaseCache::list() const {
  std::vector<PackCache::Entry> entries;
  std::error_code error;
  for (const auto& found : fs::directory_iterator(folder_.folder(), error)) {
    if (!is_file_of(found.path())) continue;
    const auto file = MappedFile::open(found.path());
    if (!file) continue;  // removed meanwhile
    PackCache::Entry entry{.name = found.path().filename().string(),
                           .model = {},
                           .n_bytes = file->stamp().n_bytes,
                           .used_s = file->stamp().changed_ns / 1'000'000'000,
                           .state = PackCache::State::kDamaged};
    if (const auto header = read_logits_header(*file)) {
      entry.model = header->model;
      entry.state = state_of(*file, *header);
    }
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

bool BaseCache::is_file_of(const fs::path& name) {
  return name.extension() == PackCache::kLogitsSuffix;
}

}  // namespace slip
