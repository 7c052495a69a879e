#include "prepare/journal.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstring>
#include <functional>
#include <system_error>
#include <type_traits>

#include "base/hash.h"
#include "base/os/atomic_file.h"
#include "formats/json.h"
#include "prepare/corpus.h"
#include "text/json_writer.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

constexpr const char* kJournalName = "journal.json";
static_assert(std::is_trivially_copyable_v<Fingerprint> &&
              sizeof(Fingerprint) == (2 + kMinHashBands + 1) * sizeof(std::uint64_t));

struct SegmentHeader {
  char magic[8] = {'s', 'l', 'i', 'p', '.', 's', 'e', 'g'};
  std::uint64_t n_prints = 0;
  std::uint64_t checksum = 0;
};

// The counts by their names in files.
template <class Counts, class Visit>
void for_each_count(Counts& counts, const Visit& visit) {
  visit("documents_read", counts.n_read);
  visit("documents_kept", counts.n_kept);
  visit("documents_repaired", counts.n_repaired);
  visit("dropped_malformed", counts.n_malformed);
  visit("dropped_ill_formed", counts.n_ill_formed);
  visit("dropped_short", counts.n_short);
  visit("dropped_duplicate", counts.n_duplicates);
  visit("dropped_near_duplicate", counts.n_near_duplicates);
  visit("bytes_read", counts.bytes_read);
  visit("bytes_kept", counts.bytes_kept);
  visit("tokens", counts.n_tokens);
}

Result<> read_segment(const fs::path& path, std::vector<Fingerprint>& prints) {
  const MappedFile file = SLIP_TRY(MappedFile::open(path));
  SegmentHeader header;
  const auto damaged = [&path] {
    return invalid("{}: expected a segment of a journal, got a damaged file", path.string());
  };
  if (file.bytes().size() < sizeof(header)) return damaged();
  std::memcpy(&header, file.bytes().data(), sizeof(header));
  const auto payload = file.bytes().subspan(sizeof(header));
  if (std::memcmp(header.magic, SegmentHeader().magic, sizeof(header.magic)) != 0 ||
      payload.size() % sizeof(Fingerprint) != 0 ||
      header.n_prints != payload.size() / sizeof(Fingerprint) ||
      header.checksum != content_hash(payload)) {
    return damaged();
  }
  const std::size_t before = prints.size();
  prints.resize(before + header.n_prints);
  if (!payload.empty()) std::memcpy(prints.data() + before, payload.data(), payload.size());
  return {};
}

// Numbers of 64 bits, which JSON readers may round, as their hexadecimal digits.
Result<std::uint64_t> parse_hex(const std::string& text) {
  std::size_t n_digits = 0;
  while (n_digits < text.size() && std::isxdigit(static_cast<unsigned char>(text[n_digits])) != 0) {
    ++n_digits;
  }
  if (n_digits != 16 || text.size() != 16)
    return invalid("checksum: expected 16 digits, got '{}'", text);
  return std::strtoull(text.c_str(), nullptr, 16);
}

void remove_files(const fs::path& folder, const std::function<bool(const std::string&)>& which) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    if (which(it->path().filename().string())) found.push_back(it->path());
  }
  for (const fs::path& path : found) fs::remove(path, ignored);
}

bool is_ours(const std::string& name) {
  if (name.starts_with(kCorpusIndexName) || name.starts_with(kJournalName)) return true;
  const bool is_numbered = name.starts_with("shard-") || name.starts_with("journal-");
  return is_numbered && name.find(".bin") != std::string::npos;
}

}  // namespace

void write_counts(JsonWriter& json, const CorpusCounts& counts) {
  json.begin_object();
  for_each_count(counts, [&json](const char* name, std::int64_t n) { json.key(name).integer(n); });
  json.end_object();
}

fs::path Journal::segment_path(std::size_t i) const {
  return folder_ / fmt::format("journal-{:05}.bin", i);
}

Result<std::optional<Journal::Restored>> Journal::load() {
  const fs::path path = folder_ / kJournalName;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::optional<Restored>();
  const boost::json::value document = SLIP_TRY(read_json(path));
  if (!document.is_object()) {
    return invalid("{}: expected an object, got {}", path.string(), json_kind(document));
  }
  const JsonView json(document.as_object(), path.string());
  if (const std::string found = SLIP_TRY(json.string("settings")); found != settings_) {
    return invalid("{}: expected the settings and inputs of the run that began it ({}), got {}",
                   path.string(), found, settings_);
  }
  Restored restored;
  Checkpoint& checkpoint = restored.checkpoint;
  checkpoint.place.file_idx = static_cast<std::uint64_t>(SLIP_TRY(json.integer("file")));
  checkpoint.place.offset = static_cast<std::uint64_t>(SLIP_TRY(json.integer("offset")));
  const JsonView counts = SLIP_TRY(json.object("statistics"));
  Result<> status;
  for_each_count(checkpoint.counts, [&](const char* name, std::int64_t& n) {
    if (const auto value = counts.integer(name)) {
      n = *value;
    } else {
      status = tl::unexpected(value.error());
    }
  });
  SLIP_TRY(std::move(status));
  for (const std::int64_t token : SLIP_TRY(json.integers("pending"))) {
    checkpoint.pending.push_back(static_cast<std::int32_t>(token));
  }
  for (const std::string& text : SLIP_TRY(json.strings("checksums"))) {
    checkpoint.checksums.push_back(SLIP_TRY(parse_hex(text)));
  }
  n_segments_ = static_cast<std::size_t>(SLIP_TRY(json.integer("segments")));
  for (std::size_t i = 0; i < n_segments_; ++i) {
    SLIP_TRY(read_segment(segment_path(i), restored.prints));
  }
  return std::optional(std::move(restored));
}

Result<> Journal::save(const Checkpoint& checkpoint, const std::vector<Fingerprint>& prints) {
  const auto payload = std::as_bytes(std::span(prints));
  SegmentHeader header;
  header.n_prints = prints.size();
  header.checksum = content_hash(payload);
  AtomicFile segment = SLIP_TRY(AtomicFile::create(segment_path(n_segments_)));
  SLIP_TRY(segment.write(std::as_bytes(std::span(&header, 1))));
  SLIP_TRY(segment.write(payload));
  SLIP_TRY(segment.commit());

  JsonWriter json;
  json.begin_object().key("settings").string(settings_);
  json.key("file").unsigned_integer(checkpoint.place.file_idx);
  json.key("offset").unsigned_integer(checkpoint.place.offset);
  json.key("segments").unsigned_integer(n_segments_ + 1);
  json.key("statistics");
  write_counts(json, checkpoint.counts);
  json.key("pending").integers(checkpoint.pending).key("checksums").begin_array();
  for (const std::uint64_t checksum : checkpoint.checksums) {
    json.string(fmt::format("{:016x}", checksum));
  }
  json.end_array().end_object();
  AtomicFile file = SLIP_TRY(AtomicFile::create(folder_ / kJournalName));
  SLIP_TRY(file.write(json.take()));
  SLIP_TRY(file.commit());
  ++n_segments_;
  return {};
}

void Journal::remove() {
  remove_files(folder_, [](const std::string& name) { return name.starts_with(kJournalName); });
  remove_files(folder_, [](const std::string& name) { return name.starts_with("journal-"); });
}

void remove_corpus_files(const fs::path& folder) {
  // A folder without an index is no corpus: first that.
  std::error_code ignored;
  fs::remove(folder / kCorpusIndexName, ignored);
  fs::remove(folder / kJournalName, ignored);
  remove_files(folder, is_ours);
}

void remove_unfinished_files(const fs::path& folder) {
  remove_files(folder, [](const std::string& name) {
    return is_ours(name) && name.find(".tmp-") != std::string::npos;
  });
}

}  // namespace slip
