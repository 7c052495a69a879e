#include "base/hash.h"

#include <gtest/gtest.h>

#include <vector>

namespace slip {
namespace {

TEST(ContentHasher, PiecesHashAsTheWhole) {
  std::vector<std::byte> bytes(5000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  const std::span<const std::byte> all(bytes);
  for (const std::size_t piece : {1, 13, 240, 1024, 5000}) {
    ContentHasher hasher;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      hasher.add(all.subspan(at, std::min(piece, all.size() - at)));
    }
    EXPECT_EQ(hasher.value(), content_hash(all)) << piece;
  }
  ContentHasher moved;
  moved.add(all);
  ContentHasher target = std::move(moved);
  EXPECT_EQ(target.value(), content_hash(all));
  EXPECT_EQ(ContentHasher().value(), content_hash({}));
}

}  // namespace
}  // namespace slip
