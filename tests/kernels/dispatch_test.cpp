#include "kernels/dispatch.h"

#include <gtest/gtest.h>

#include <string>

namespace slip {
namespace {

TEST(Dispatch, RefIsAlwaysThereAndFirst) {
  const auto tables = available_kernels();
  ASSERT_FALSE(tables.empty());
  EXPECT_EQ(std::string(tables.front()->isa), "ref");
}

TEST(Dispatch, TablesAreFoundByTheirName) {
  for (const KernelTable* table : available_kernels()) {
    const auto found = kernels_by_name(table->isa);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(*found, table);
  }
}

TEST(Dispatch, AnUnknownNameIsRefusedWithTheNamesThatExist) {
  const auto found = kernels_by_name("sse9");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(found.error().message.find("ref"), std::string::npos);
  EXPECT_NE(found.error().message.find("sse9"), std::string::npos);
}

}  // namespace
}  // namespace slip
