#include <gtest/gtest.h>

#include "text/byte_level.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace slip {
namespace {

TEST(Utf8, RoundTripsEveryCharacter) {
  for (std::uint32_t code = 0; code <= 0x10ffff; ++code) {
    if (code == 0xd800) code = 0xe000;
    std::string text;
    append_utf8(text, code);
    ASSERT_TRUE(is_valid_utf8(text)) << code;
    const Utf8Char back = utf8_at(text.data());
    ASSERT_EQ(back.code, code);
    ASSERT_EQ(back.size, text.size());
  }
}

TEST(Utf8, ReplacesMaximalIllFormedSubparts) {
  // The example of the Unicode Standard, table 3-8, and truncation.
  EXPECT_EQ(repair_utf8("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"),
            "a\ufffd\ufffd\ufffdb\ufffdc\ufffd\ufffdd");
  EXPECT_EQ(repair_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");  // a surrogate
  EXPECT_EQ(repair_utf8("\xc0\xaf"), "\ufffd\ufffd");            // overlong
  EXPECT_EQ(repair_utf8("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd");
  EXPECT_EQ(repair_utf8("long enough for words\xe2\x82"), "long enough for words\ufffd");
}

TEST(Utf8, TellsPartialFromIllFormed) {
  EXPECT_EQ(utf8_prefix("\xe2\x82").kind, Utf8Prefix::kPartial);
  EXPECT_EQ(utf8_prefix("\xe2\x82z").kind, Utf8Prefix::kIllFormed);
  EXPECT_EQ(utf8_prefix("\xe2\x82z").size, 2u);
  EXPECT_EQ(utf8_prefix("\x80").kind, Utf8Prefix::kIllFormed);
}

TEST(ByteLevel, SpellsEveryByteAndBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  std::string back;
  ASSERT_TRUE(append_byte_level_decoded(back, byte_level_encoded(bytes)));
  EXPECT_EQ(back, bytes);
  EXPECT_EQ(byte_level_encoded(" the\n"), "ĠtheĊ");
  EXPECT_FALSE(append_byte_level_decoded(back, "a▁b"));
  EXPECT_EQ(back, bytes);
}

TEST(Unicode, ClassesAgreeWithTheStandard) {
  EXPECT_EQ(char_class('a'), kLetter | kLower);
  EXPECT_EQ(char_class(0x1c5), kLetter | kUpper);  // titlecase
  EXPECT_EQ(char_class(0x4e2d), kLetter);
  EXPECT_EQ(char_class(0xbd), kNumber);
  EXPECT_EQ(char_class(0x85), kSpace);
  EXPECT_EQ(char_class(0x3000), kSpace);
  EXPECT_EQ(char_class(0x180e), 0);  // MONGOLIAN VOWEL SEPARATOR is no space since Unicode 6.3
  EXPECT_EQ(char_class(0x301), kMark);
  EXPECT_EQ(normalize_unicode("e\u0301", NormalForm::kNfc).value(), "é");
  EXPECT_EQ(normalize_unicode("ﬁ", NormalForm::kNfkc).value(), "fi");
}

}  // namespace
}  // namespace slip
