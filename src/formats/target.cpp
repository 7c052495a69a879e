#include "formats/target.h"

#include <algorithm>
#include <system_error>

#include "base/hash.h"

namespace slip {

namespace fs = std::filesystem;

Result<> check_target(const GgufFile& source, const fs::path& target, Existing existing) {
  std::error_code none;
  for (const GgufShard& shard : source.shards()) {
    if (fs::equivalent(shard.path, target, none)) {
      return invalid("{}: expected another file than the source, got the source", target.string());
    }
  }
  if (existing == Existing::kRefuse && fs::exists(target, none)) {
    return invalid("{}: expected no such file yet, got one", target.string());
  }
  return {};
}

std::string content_hash(const GgufFile& file) {
  constexpr std::size_t kHashBytes = 16 << 20;
  ContentHasher hasher;
  for (const MappedFile& mapping : file.mappings()) {
    const auto bytes = mapping.bytes();
    for (std::size_t at = 0; at < bytes.size(); at += kHashBytes) {
      hasher.add(bytes.subspan(at, std::min(kHashBytes, bytes.size() - at)));
      mapping.release();
    }
  }
  return hash_text(hasher.value());
}

}  // namespace slip
