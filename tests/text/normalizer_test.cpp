// Normalisers, on texts whose results were taken from Hugging Face's tokenizers.
#include "text/normalizer.h"

#include <gtest/gtest.h>

namespace slip {
namespace {

std::string between_letters(const char* middle) {
  std::string text = "a";
  text += middle;
  text += 'b';
  return text;
}

TEST(BertNormalizer, DropsControlsAndKeepsUnassignedCharacters) {
  const auto step = bert_step({});
  for (const char* dropped : {"\u0001", "\u200d", "\u0085", "\ue000", "\U000f0000", "\ufffd"}) {
    EXPECT_EQ(step->apply(between_letters(dropped)), "ab") << dropped;
  }
  for (const char* kept : {"\u0378", "\U000e0080", "\ufdd0", "\uffff"}) {
    EXPECT_EQ(step->apply(between_letters(kept)), between_letters(kept));
  }
}

TEST(NormalForm, IsSkippedOnlyWhereItChangesNothing) {
  const auto nfc = normal_form_step(NormalForm::kNfc);
  EXPECT_TRUE(nfc->leaves("plain"));
  EXPECT_TRUE(nfc->leaves("caf\u00e9 \u02ff"));
  EXPECT_FALSE(nfc->leaves("cafe\u0301"));
  EXPECT_EQ(nfc->apply("cafe\u0301"), "caf\u00e9");
  EXPECT_FALSE(normal_form_step(NormalForm::kNfd)->leaves("caf\u00e9"));
  // Nothing below U+0300 is changed by NFC alone.
  for (std::uint32_t code = 1; code < 0x300; ++code) {
    std::string text;
    append_utf8(text, code);
    EXPECT_EQ(nfc->apply(text), text) << code;
  }
}

}  // namespace
}  // namespace slip
