#include "prepare/clean.h"

#include <gtest/gtest.h>

namespace slip {
namespace {

std::string cleaned(std::string_view text, const CleanOptions& options = {}) {
  return clean_document({text, false}, options).text;
}

TEST(Clean, WhiteSpace) {
  EXPECT_EQ(cleaned("  one  two\t three  \r\n\r\n\r\n\n    four\r  five \n\n"),
            "  one two three\n\n    four\n  five");
  EXPECT_EQ(cleaned("a\xc2\xa0 b\xe3\x80\x80"), "a b");
  EXPECT_EQ(cleaned("\n\n\tif x:\n\t\ty\n"), "\tif x:\n\t\ty");
  EXPECT_EQ(cleaned("a\n \nb\nc"), "a\n\nb\nc");
}

TEST(Clean, ControlsAndNormalForm) {
  EXPECT_EQ(cleaned("\xef\xbb\xbf"
                    "a\x01\x7f"
                    "b\xc2\x85"
                    "c"),
            "abc");
  EXPECT_EQ(cleaned("cafe\xcc\x81"), "caf\xc3\xa9");
  // Joiners between emoji are no controls.
  EXPECT_EQ(cleaned("a\xe2\x80\x8d"
                    "b"),
            "a\xe2\x80\x8d"
            "b");
}

TEST(Clean, IsIdempotent) {
  for (const char* text : {" a  b \n\n\n c\r\r\rd", "\n\n x", "e\xcc\x81\x01 ", "a \n\t\n\n b"}) {
    const std::string once = cleaned(text);
    EXPECT_EQ(cleaned(once), once) << text;
  }
}

TEST(Clean, IllFormedBytes) {
  const CleanText repaired = clean_document({"a\xff\xe2\x82 b", false}, {});
  EXPECT_EQ(repaired.text, "a\xef\xbf\xbd\xef\xbf\xbd b");
  EXPECT_TRUE(repaired.was_repaired);
  const CleanText dropped = clean_document({"a\xff", false}, {.ill_formed = IllFormed::kDrop});
  EXPECT_EQ(dropped.dropped, DropReason::kIllFormed);
  EXPECT_EQ(dropped.text, "");
}

TEST(Clean, ShortOnes) {
  const CleanOptions four{.min_chars = 4};
  EXPECT_EQ(clean_document({"\xc3\xa4\xc3\xa4\xc3\xa4", false}, four).dropped, DropReason::kShort);
  EXPECT_EQ(clean_document({" abcd ", false}, four).dropped, DropReason::kNone);
  EXPECT_EQ(clean_document({" \n", false}, {}).dropped, DropReason::kShort);
}

TEST(Clean, JsonLines) {
  EXPECT_EQ(clean_document({R"({"id":1,"text":"a\u00e9\n\nb"})", true}, {}).text, "a\xc3\xa9\n\nb");
  for (const char* line : {"{", "[1]", "{}", R"({"text":3})", "text", R"({"text":"a"} x)"}) {
    EXPECT_EQ(clean_document({line, true}, {}).dropped, DropReason::kMalformed) << line;
  }
}

}  // namespace
}  // namespace slip
