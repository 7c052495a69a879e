#include "prepare/trim_vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "formats/gguf.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"
#include "text/tiny_vocabularies.h"

namespace slip {
namespace {

using test::GgufBuilder;
using test::read_file;
using test::TempDir;

constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};

std::vector<std::string> pieces(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> names;
  for (const int id : tokenizer.encode(text, kPlain)) names.push_back(tokenizer.token_name(id));
  return names;
}

class TrimVocabulary : public testing::Test {
 protected:
  Result<TrimReport> run(std::string_view text, Existing existing = Existing::kRefuse) {
    const auto before = tokenizer(source_);
    std::vector<bool> used(static_cast<std::size_t>(before->n_vocab()));
    for (const int id : before->encode(text, kPlain)) used[static_cast<std::size_t>(id)] = true;
    return trim_vocabulary(source_, target_, used, existing);
  }
  static std::unique_ptr<Tokenizer> tokenizer(const std::filesystem::path& path) {
    return *Tokenizer::from_metadata(GgufFile::open(path)->metadata());
  }
  // A model with the vocabulary and a table whose row i is (i, i …).
  void write_source(const Metadata& vocabulary, std::int64_t n_rows) {
    GgufBuilder model;
    model.meta("general.architecture", std::string("llama"));
    for (const Metadata::Entry& entry : vocabulary.entries()) model.meta(entry.key, entry.value);
    std::vector<float> table, bias;
    for (std::int64_t i = 0; i < n_rows * 4; ++i) table.push_back(static_cast<float>(i / 4));
    for (std::int64_t i = 0; i < n_rows; ++i) bias.push_back(static_cast<float>(i));
    model.tensor("token_embd.weight", {4, n_rows}, table)
        .tensor("output_norm.weight", {4}, {1, 2, 3, 4})
        .tensor("output.bias", {n_rows}, bias)
        .write(source_);
  }
  void expect_failure(std::string_view text) {
    const auto result = run("hello");
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
  }

  TempDir dir_;
  std::filesystem::path source_ = dir_ / "in.gguf";
  std::filesystem::path target_ = dir_ / "out.gguf";
};

TEST_F(TrimVocabulary, KeepsWhatMergesNeed) {
  write_source(tiny_byte_level_metadata(), 265);
  // " hello" takes he, ll, hell and hello to make; " w" and "or" go.
  const auto report = run(" hello");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->n_tokens_before, 265);
  EXPECT_EQ(report->n_tokens_used, 1);
  EXPECT_EQ(report->n_tokens_after, 263);
  EXPECT_LT(report->bytes_after, report->bytes_before);
  const auto before = tokenizer(source_), after = tokenizer(target_);
  EXPECT_EQ(pieces(*after, " hello hell"), pieces(*before, " hello hell"));
  EXPECT_EQ(pieces(*after, " w"), (std::vector<std::string>{"\u0120", "w"}));
  EXPECT_EQ(after->decode(after->encode("any w\u00f6rld", kPlain)), "any w\u00f6rld");
  EXPECT_EQ(after->token_name(after->eos_id()), "<|im_end|>");
  EXPECT_EQ(after->token_name(after->bos_id()), "<|im_start|>");
  EXPECT_EQ(GgufFile::open(target_)->metadata().strings("tokenizer.ggml.merges")->size(), 5u);
}

TEST_F(TrimVocabulary, KeepsThePairsOfSentencePiece) {
  write_source(tiny_sentencepiece_metadata(), 270);
  const auto report = run("hello");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->n_tokens_after, 269);  // without "▁▁"
  const auto before = tokenizer(source_), after = tokenizer(target_);
  for (const char* text : {"hello", "hel", "hello hello", "x"}) {
    EXPECT_EQ(pieces(*after, text), pieces(*before, text)) << text;
  }
  EXPECT_EQ(after->token_name(after->bos_id()), "<s>");
  EXPECT_EQ(after->token_name(after->unknown_id()), "<unk>");
}

TEST_F(TrimVocabulary, RowsBelongToTheirTokens) {
  // A padded table: rows without a token go.
  write_source(tiny_byte_level_metadata(), 288);
  ASSERT_TRUE(run("or"));
  const GgufFile file = *GgufFile::open(target_);
  const auto before = tokenizer(source_), after = tokenizer(target_);
  const TensorView& table = *file.find("token_embd.weight");
  const TensorView& bias = *file.find("output.bias");
  ASSERT_EQ(table.n_rows(), after->n_vocab());
  ASSERT_EQ(bias.shape.back(), after->n_vocab());
  for (int id = 0; id < after->n_vocab(); ++id) {
    float row[4], element = 0;
    std::memcpy(row, table.row(id), sizeof(row));
    std::memcpy(&element, bias.bytes.data() + id * 4, sizeof(element));
    const int old_id = static_cast<int>(row[0]);
    EXPECT_EQ(after->token_name(id), before->token_name(old_id));
    EXPECT_EQ(row[3], row[0]);
    EXPECT_EQ(element, row[0]);
  }
  EXPECT_EQ(file.find("output_norm.weight")->shape[0], 4);
}

TEST_F(TrimVocabulary, WhatReadersAssumeIsWritten) {
  // A GPT-2 vocabulary that doesn't name its end takes token 11.
  Metadata vocabulary = tiny_byte_level_metadata();
  vocabulary.erase("tokenizer.ggml.eos_token_id");
  vocabulary.set("tokenizer.ggml.eot_token_id", std::uint32_t{264});
  vocabulary.set("tokenizer.ggml.padding_token_id", std::uint32_t{0xffffffff});
  write_source(vocabulary, 265);
  ASSERT_TRUE(run("or"));
  const auto before = tokenizer(source_), after = tokenizer(target_);
  EXPECT_EQ(after->token_name(after->eos_id()), before->token_name(before->eos_id()));
  const GgufFile file = *GgufFile::open(target_);
  EXPECT_EQ(file.metadata().integer("tokenizer.ggml.eot_token_id"), after->n_vocab() - 1);
  EXPECT_EQ(file.metadata().integer("tokenizer.ggml.padding_token_id"), 0xffffffff);
  EXPECT_EQ(file.metadata().integer("slipstream.trim_vocab.parent_tokens"), 265);
}

TEST_F(TrimVocabulary, RefusesWhatItShould) {
  write_source(tiny_byte_level_metadata(), 264);
  expect_failure("tensor token_embd.weight: expected a row for each of 265 tokens, got 264");
  EXPECT_FALSE(std::filesystem::exists(target_));
  write_source(tiny_byte_level_metadata(), 265);
  EXPECT_FALSE(trim_vocabulary(source_, target_, std::vector<bool>(3), Existing::kRefuse));
  EXPECT_FALSE(trim_vocabulary(source_, source_, std::vector<bool>(265), Existing::kReplace));
  dir_.write("out.gguf", "mine");
  expect_failure("expected no such file yet");
  EXPECT_EQ(read_file(target_), "mine");
  EXPECT_TRUE(run("hello", Existing::kReplace));
}

}  // namespace
}  // namespace slip
