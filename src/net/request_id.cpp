#include "net/request_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace slip {
namespace {

constexpr std::size_t kMaxLength = 128;

std::uint64_t random_base() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

}  // namespace

bool is_sane_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxLength &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

RequestIds::RequestIds() : base_(random_base()) {}

std::string RequestIds::next() {
  return fmt::format("{:016x}{:08x}", base_, n_made_++);
}

}  // namespace slip
