// The secrets that clients show to be let in.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slip {

// Holds hashes of the keys, so that comparing takes the same time whatever a client sends. Safe to
// read from any thread; without keys nobody is let in.
class ApiKeys {
 public:
  // One key a line; blank lines and those that begin with '#' don't count. kNotFound, kIo; kInvalid
  // without a key; see add() for the rest.
  static Result<ApiKeys> load(const std::filesystem::path& path);

  // 1 to 1024 printable ASCII characters without spaces, as a header can carry; else kInvalid.
  Result<> add(std::string_view key);
  bool empty() const { return digests_.empty(); }

  // Which of the keys it is, in order of adding; none of them: nothing.
  std::optional<std::size_t> find(std::string_view key) const;
  bool allows(std::string_view key) const { return find(key).has_value(); }
  // The same of an Authorization header's value, which is "Bearer KEY".
  std::optional<std::size_t> find_authorization(std::string_view value) const;
  bool allows_authorization(std::string_view value) const {
    return find_authorization(value).has_value();
  }

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(std::string_view key);
  std::vector<Digest> digests_;  // SHA-256
};

}  // namespace slip
