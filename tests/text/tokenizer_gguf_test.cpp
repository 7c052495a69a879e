// Tokenizers from GGUF metadata, on vocabularies small enough to follow by hand.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "text/tiny_vocabularies.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace slip {
namespace {

using Ids = std::vector<int>;

std::vector<std::string> names(const Tokenizer& tokenizer, const Ids& ids) {
  std::vector<std::string> out;
  for (const int id : ids) out.push_back(tokenizer.token_name(id));
  return out;
}

using Names = std::vector<std::string>;

TEST(ByteLevelBpe, MergesByRankWithinPieces) {
  const auto t = tiny_byte_level();
  EXPECT_EQ(names(*t, t->encode("hello hello world")),
            (Names{"hello", "Ġhello", "Ġw", "or", "l", "d"}));
  EXPECT_EQ(names(*t, t->encode("é")), (Names{"Ã", "©"}));
  EXPECT_EQ(t->encode(""), Ids{});
}

TEST(ByteLevelBpe, ParsesSpecialTokensOnlyWhenAsked) {
  const auto t = tiny_byte_level();
  EXPECT_EQ(names(*t, t->encode("<|im_start|>hello<|im_end|>")),
            (Names{"<|im_start|>", "hello", "<|im_end|>"}));
  const Ids plain = t->encode("<|im_end|>", {.parse_special = false});
  EXPECT_EQ(plain.size(), 10u);
  EXPECT_EQ(t->decode(plain), "<|im_end|>");
}

TEST(ByteLevelBpe, KnowsItsSpecialTokens) {
  const auto t = tiny_byte_level();
  EXPECT_EQ(t->bos_id(), 263);
  EXPECT_EQ(t->eos_id(), 264);
  EXPECT_FALSE(t->adds_bos());
  EXPECT_EQ(t->end_of_generation_ids(), Ids{264});
  EXPECT_EQ(t->find_token("<|im_end|>"), 264);
  EXPECT_EQ(t->find_token("Ġhello"), 260);
  EXPECT_EQ(t->token_bytes(260), " hello");
  EXPECT_EQ(t->find_token("nothing"), std::nullopt);
  EXPECT_EQ(t->decode(Ids{263, 259, 264}), "hello");
  EXPECT_EQ(t->decode(Ids{263, 259}, {.skip_special = false}), "<|im_start|>hello");
}

TEST(ByteLevelBpe, RoundTripsRandomText) {
  const auto t = tiny_byte_level();
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    std::string text;
    for (std::uint64_t i = 0; i < 30; ++i) {
      const std::uint64_t r = random_bits(seed, i);
      append_utf8(text, static_cast<std::uint32_t>(r % 3 == 0 ? r % 0x11000 : r % 128));
    }
    ASSERT_EQ(t->decode(t->encode(text, {.parse_special = false})), text);
  }
}

TEST(ByteLevelBpe, ReadsIllFormedUtf8AsReplacementCharacters) {
  const auto t = tiny_byte_level();
  EXPECT_EQ(t->encode("a\xff\xe2\x82z"), t->encode("a\ufffd\ufffdz"));
}

TEST(ByteLevelBpe, ComposesCharactersWhereTheModelsTokenizerDoes) {
  const auto with_pre = [](const char* pre) {
    Metadata meta = tiny_byte_level_metadata();
    meta.set("tokenizer.ggml.pre", std::string(pre));
    return Tokenizer::from_metadata(meta).value();
  };
  for (const char* pre : {"qwen2", "qwen35", "command-r", "mpt", "olmo"}) {
    EXPECT_EQ(with_pre(pre)->encode("e\u0301"), with_pre(pre)->encode("\u00e9")) << pre;
  }
  for (const char* pre : {"gpt-2", "llama-bpe", "smollm", "deepseek-r1-qwen"}) {
    EXPECT_EQ(with_pre(pre)->encode("e\u0301", {.add_special = false}).size(), 3u) << pre;
  }
}

TEST(ByteLevelBpe, LongPiecesGiveWhatShortOnesDo) {
  // 60 000 letters without a space take the heap; the same merges apply.
  const auto t = tiny_byte_level();
  std::string text;
  Ids expected;
  for (int i = 0; i < 12000; ++i) {
    text += "hello";
    expected.push_back(259);
  }
  EXPECT_EQ(t->encode(text), expected);
  EXPECT_EQ(t->encode(std::string(30001, 'l')).size(), 15001u);
}

TEST(ByteLevelBpe, CachedPiecesGiveTheSameTokens) {
  const auto t = tiny_byte_level();
  std::string text;
  Ids expected;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    std::string word = " ";
    for (std::uint64_t k = 0; k < 1 + random_bits(7, i) % 3; ++k) {
      word += "helowr"[random_bits(8 + k, i) % 6];
    }
    text += word;
    const Ids ids = t->encode(word);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  EXPECT_EQ(t->encode(text), expected);
}

TEST(SentencePieceBpe, PutsASpaceInFrontAndFallsBackToBytes) {
  const auto t = tiny_sentencepiece();
  EXPECT_EQ(names(*t, t->encode("hello")), (Names{"<s>", "▁hello"}));
  EXPECT_EQ(names(*t, t->encode("hello hello", {.add_special = false})),
            (Names{"▁hello", "▁hello"}));
  EXPECT_EQ(names(*t, t->encode("h€", {.add_special = false})),
            (Names{"▁h", "<0xE2>", "<0x82>", "<0xAC>"}));
  EXPECT_EQ(names(*t, t->encode("</s>lo", {.add_special = false})), (Names{"</s>", "▁", "lo"}));
  EXPECT_EQ(names(*t, t->encode("  lo", {.add_special = false})), (Names{"▁▁", "▁", "lo"}));
  EXPECT_EQ(t->encode("a▁b"), t->encode("a b"));
  EXPECT_EQ(t->encode(""), Ids{1});
}

TEST(TokenizerFromMetadata, ReportsWhatIsWrong) {
  const auto error = [](const Metadata& meta) {
    const auto result = Tokenizer::from_metadata(meta);
    return result ? std::string("no error") : result.error().message;
  };
  EXPECT_NE(error({}).find("tokenizer.ggml.model"), std::string::npos);
  Metadata meta = tiny_byte_level_metadata();
  meta.set("tokenizer.ggml.pre", std::string("nobody-knows"));
  EXPECT_NE(error(meta).find("got nobody-knows"), std::string::npos);
  meta = tiny_byte_level_metadata();
  meta.erase("tokenizer.ggml.merges");
  EXPECT_NE(error(meta).find("tokenizer.ggml.merges"), std::string::npos);
  meta = tiny_byte_level_metadata();
  meta.set("tokenizer.ggml.token_type", MetaArray{std::vector<std::int32_t>{1, 2}});
  EXPECT_NE(error(meta).find("expected 265 values, got 2"), std::string::npos);
  meta = tiny_byte_level_metadata();
  meta.set("tokenizer.ggml.tokens", std::uint32_t{4});
  EXPECT_NE(error(meta).find("tokenizer.ggml.tokens"), std::string::npos);
  meta = tiny_byte_level_metadata();
  meta.set("tokenizer.ggml.model", std::string("abacus"));
  EXPECT_NE(error(meta).find("got abacus"), std::string::npos);
}

TEST(TokenizerFromMetadata, IgnoresIdsOutsideTheVocabularyAndBrokenMerges) {
  Metadata meta = tiny_byte_level_metadata();
  meta.set("tokenizer.ggml.bos_token_id", std::uint32_t{4294967295u});
  meta.set("tokenizer.ggml.merges",
           MetaArray{std::vector<std::string>{"", " ", "nospace", "h e", "x absent", "l l"}});
  const auto t = Tokenizer::from_metadata(meta).value();
  EXPECT_EQ(t->bos_id(), 11);  // the format's default for byte-level BPE
  EXPECT_EQ(names(*t, t->encode("hell")), (Names{"he", "ll"}));
}

}  // namespace
}  // namespace slip
