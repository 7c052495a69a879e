#include "prepare/documents.h"

#include <algorithm>

#include "text/utf8.h"

namespace slip {
namespace {

// What opening a file counts as: bounds how many tiny ones are mapped at once.
constexpr std::uint64_t kFileBytes = 4096;

// The line at the beginning of `text`, its end included.
std::string_view first_line(std::string_view text) {
  const std::size_t end = text.find('\n');
  return text.substr(0, end == std::string_view::npos ? end : end + 1);
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of("\n \t\r\v\f") == std::string_view::npos;
}

// Bytes of the lines up to a blank one, or a little more than `n_bytes`.
std::size_t paragraph_size(std::string_view text, std::size_t n_bytes) {
  std::size_t size = 0;
  while (size < text.size() && size <= n_bytes) {
    const std::string_view line = first_line(text.substr(size));
    if (is_blank(line)) break;
    size += line.size();
  }
  return size;
}

// Where to cut what is longer than `n_bytes`.
std::size_t cut_size(std::string_view text, std::size_t n_bytes) {
  const std::size_t line_end = text.rfind('\n', n_bytes - 1);
  if (line_end != std::string_view::npos) return line_end + 1;
  std::size_t size = n_bytes;
  while (size > n_bytes - 4 && !utf8_starts_char(text[size])) --size;
  return size;
}

std::string_view as_text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

void DocumentReader::seek(DocumentPlace place) {
  place_ = place;
  mappings_.clear();
}

// The document at the place, which moves behind it; nothing when only blank lines are left.
std::optional<RawDocument> DocumentReader::next(std::string_view text, bool is_json) {
  std::string_view rest = text.substr(place_.offset);
  if (is_json || unit_ != DocumentUnit::kFiles) {
    while (!rest.empty() && is_blank(first_line(rest))) rest.remove_prefix(first_line(rest).size());
  }
  place_.offset = text.size() - rest.size();
  if (rest.empty()) return std::nullopt;

  std::size_t size = rest.size();
  if (is_json || unit_ == DocumentUnit::kLines) {
    size = first_line(rest).size();
  } else if (unit_ == DocumentUnit::kParagraphs) {
    size = paragraph_size(rest, kMaxDocumentBytes);
  }
  if (!is_json && size > kMaxDocumentBytes) size = cut_size(rest, kMaxDocumentBytes);
  place_.offset += size;
  return RawDocument{rest.substr(0, size), is_json};
}

Result<std::span<const RawDocument>> DocumentReader::read(std::uint64_t n_bytes) {
  documents_.clear();
  if (mappings_.size() > 1) mappings_.erase(mappings_.begin(), mappings_.end() - 1);
  for (const MappedFile& mapping : mappings_) mapping.release();
  std::uint64_t n_read = 0;
  while ((n_read < n_bytes || documents_.empty()) && place_.file_idx < files_.size()) {
    const std::filesystem::path& path = files_[place_.file_idx];
    if (mappings_.empty() || mappings_.back().path() != path || place_.offset == 0) {
      mappings_.push_back(SLIP_TRY(MappedFile::open(path)));
    }
    const std::string_view text = as_text(mappings_.back());
    if (place_.offset > text.size()) {
      return invalid("{}: expected at least the {} bytes that were read, got {}", path.string(),
                     place_.offset, text.size());
    }
    const std::uint64_t before = place_.offset;
    const auto document = next(text, path.extension() == ".jsonl");
    n_read += place_.offset - before;
    if (document) {
      documents_.push_back(*document);
    } else {
      ++place_.file_idx;
      place_.offset = 0;
      n_read += kFileBytes;
    }
  }
  return std::span<const RawDocument>(documents_);
}

}  // namespace slip
