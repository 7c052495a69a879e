#include "base/metadata.h"

#include <gtest/gtest.h>

namespace slip {
namespace {

TEST(Metadata, ConvertsIntegerWidthsAndNamesTheKeyOnError) {
  Metadata meta;
  meta.set("a", std::uint32_t{7});
  meta.set("b", std::string("x"));
  meta.set("big", ~std::uint64_t{0});
  EXPECT_EQ(meta.integer("a").value(), 7);
  EXPECT_EQ(meta.number("a").value(), 7.0);
  EXPECT_EQ(meta.integer("b").error().message, "metadata key b: expected an integer, got string");
  EXPECT_EQ(meta.integer("none").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(meta.integer("big").has_value());
  EXPECT_EQ(meta.integer_or("none", 3).value(), 3);
  EXPECT_FALSE(meta.integer_or("b", 3).has_value());
}

TEST(Metadata, KeepsInsertionOrderAcrossReplaceAndErase) {
  Metadata meta;
  meta.set("a", true);
  meta.set("b", 1.0f);
  meta.set("c", std::int8_t{-1});
  meta.set("a", false);
  EXPECT_TRUE(meta.erase("b"));
  ASSERT_EQ(meta.entries().size(), 2u);
  EXPECT_EQ(meta.entries()[0].key, "a");
  EXPECT_EQ(meta.boolean("a").value(), false);
  EXPECT_EQ(meta.integer("c").value(), -1);
}

}  // namespace
}  // namespace slip
