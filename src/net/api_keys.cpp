#include "net/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/os/mapped_file.h"
#include "net/headers.h"

namespace slip {

Result<ApiKeys> ApiKeys::load(const std::filesystem::path& path) {
  const MappedFile file = SLIP_TRY(MappedFile::open(path));
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  ApiKeys keys;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim_blanks(line);
    if (line.empty() || line.front() == '#') continue;
    if (auto added = keys.add(line); !added) {
      return invalid("{}: line {}: {}", path.string(), number, added.error().message);
    }
  }
  if (keys.empty()) return invalid("{}: expected API keys, one a line, got none", path.string());
  return keys;
}

Result<> ApiKeys::add(std::string_view key) {
  const bool is_printable =
      std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (key.empty() || key.size() > 1024 || !is_printable) {
    return invalid("API key: expected 1 to 1024 printable ASCII characters");  // it is a secret
  }
  digests_.push_back(digest(key));
  return {};
}

ApiKeys::Digest ApiKeys::digest(std::string_view key) {
  Digest out{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), out.data());
  return out;
}

std::optional<std::size_t> ApiKeys::find(std::string_view key) const {
  const Digest asked = digest(key);
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < digests_.size(); ++i) {
    if (CRYPTO_memcmp(digests_[i].data(), asked.data(), asked.size()) == 0) found = i;
  }
  return found;
}

std::optional<std::size_t> ApiKeys::find_authorization(std::string_view value) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (value.size() < kScheme.size()) return std::nullopt;
  if (!equal_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return find(trim_blanks(value.substr(kScheme.size())));
}

}  // namespace slip
