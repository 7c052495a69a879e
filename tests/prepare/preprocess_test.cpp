#include "prepare/preprocess.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "prepare/corpus.h"
#include "support/temp_dir.h"
#include "support/words.h"
#include "text/tiny_vocabularies.h"

namespace slip {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using test::TempDir;

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    files[entry.path().filename().string()] = read_file(entry.path());
  }
  return files;
}

void flip_bit(const fs::path& path, std::size_t at) {
  std::string bytes = read_file(path);
  bytes.at(at) = static_cast<char>(bytes.at(at) ^ 0x80);
  std::ofstream(path, std::ios::binary) << bytes;
}

class Preprocess : public testing::Test {
 protected:
  Result<PreprocessReport> run(const PreprocessOptions& options, int n_threads = 2) {
    ThreadPool pool(n_threads);
    return preprocess(options, *tokenizer_, pool);
  }
  PreprocessOptions options_for(std::string_view text) {
    return {.files = {dir_.write("text.txt", text)}, .folder = dir_ / "corpus"};
  }
  // Some batches of documents, of which one in eight was there before.
  static std::string long_text() {
    std::string text;
    for (std::uint64_t i = 0; text.size() < (10 << 20); ++i) {
      text += test::join(test::random_words(200, i % 8 == 7 ? i / 2 : i)) + "\n\n";
    }
    return text;
  }
  void expect_failure(const PreprocessOptions& options, std::string_view text) {
    const auto result = run(options);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
  }

  TempDir dir_;
  std::unique_ptr<Tokenizer> tokenizer_ = tiny_byte_level();
};

TEST_F(Preprocess, PacksDocumentsWithSeparators) {
  PreprocessOptions options = options_for("hello\n\nhello hello\n\nhello\n\nor\n");
  options.shard_tokens = 3;
  const auto report = run(options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->counts.n_read, 4);
  EXPECT_EQ(report->counts.n_kept, 3);
  EXPECT_EQ(report->counts.n_duplicates, 1);
  EXPECT_EQ(report->counts.bytes_kept, 5 + 11 + 2);
  EXPECT_EQ(report->token_bytes, 2);
  const Corpus corpus = *Corpus::open(options.folder);
  EXPECT_TRUE(corpus.verify());
  EXPECT_TRUE(corpus.check_tokenizer(*tokenizer_));
  std::vector<std::int32_t> expected;
  for (const char* text : {"hello", "hello hello", "or"}) {
    for (const int id : tokenizer_->encode(text, {.add_special = false})) expected.push_back(id);
    ASSERT_GE(corpus.separator(), 0);
    expected.push_back(corpus.separator());
  }
  ASSERT_EQ(corpus.n_tokens(), static_cast<std::int64_t>(expected.size()));
  EXPECT_EQ(report->n_shards, (corpus.n_tokens() + 2) / 3);
  for (std::size_t begin = 0; begin < expected.size(); ++begin) {
    std::vector<std::int32_t> tokens(expected.size() - begin);
    ASSERT_TRUE(corpus.read(static_cast<std::int64_t>(begin), tokens));
    EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(),
                           expected.begin() + static_cast<std::ptrdiff_t>(begin)));
  }
}

TEST_F(Preprocess, SameBytesForAnyNumberOfThreadsAndWhereverItWasStopped) {
  PreprocessOptions options = options_for(long_text());
  options.shard_tokens = 400'000;
  const auto report = run(options, 1);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->counts.n_duplicates, 0);
  const auto expected = files_of(options.folder);
  ASSERT_GT(expected.size(), 5u);

  options.begin_anew = true;
  ASSERT_TRUE(run(options, 3));
  EXPECT_EQ(files_of(options.folder), expected);

  // Stopped after each batch.
  std::atomic<bool> cancel{false};
  options.cancel = &cancel;
  options.on_progress = [&cancel](std::int64_t, std::int64_t) { cancel = true; };
  int n_runs = 0;
  for (;;) {
    cancel = false;
    const auto part = run(options);
    options.begin_anew = false;
    ++n_runs;
    if (part) {
      EXPECT_TRUE(part->was_resumed);
      break;
    }
    ASSERT_EQ(part.error().kind, ErrorKind::kCancelled) << part.error().message;
    EXPECT_FALSE(Corpus::is_corpus(options.folder));
  }
  EXPECT_GE(n_runs, 3);
  EXPECT_EQ(files_of(options.folder), expected);
}

TEST_F(Preprocess, GoesOnWithTheSameSettingsOnly) {
  PreprocessOptions options = options_for(long_text());
  options.shard_tokens = 400'000;
  std::atomic<bool> cancel{false};
  options.cancel = &cancel;
  options.on_progress = [&cancel](std::int64_t, std::int64_t) { cancel = true; };
  ASSERT_FALSE(run(options));
  options.cancel = nullptr;
  PreprocessOptions other = options;
  other.cleaning.min_chars = 3;
  expect_failure(other, "expected the settings");

  // A file that was written half when the run was killed goes; other people's stay.
  const auto half = options.folder / "shard-00007.bin.tmp-1-2";
  std::ofstream(half) << "half";
  std::ofstream(options.folder / "notes.txt") << "mine";
  flip_bit(options.folder / "journal-00000.bin", 40);
  expect_failure(options, "journal-00000.bin: expected a segment");
  EXPECT_FALSE(run(options));
  other.begin_anew = true;
  const auto report = run(other);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->was_resumed);
  const auto files = files_of(options.folder);
  EXPECT_EQ(files.count(half.filename().string()), 0u);
  EXPECT_EQ(files.at("notes.txt"), "mine");
  for (const auto& [name, content] : files) EXPECT_EQ(name.find("journal"), std::string::npos);
}

TEST_F(Preprocess, RefusesWhatItShould) {
  PreprocessOptions options = options_for("hello\n");
  ASSERT_TRUE(run(options));
  expect_failure(options, "expected no corpus yet, got one");
  PreprocessOptions none = options_for(" \n\n \n");
  none.folder = dir_ / "none";
  expect_failure(none, "at least one document");
  none.files = {dir_ / "missing.txt"};
  expect_failure(none, "missing.txt");
  none.files = {dir_.path()};
  expect_failure(none, "regular file");
  options.folder = dir_ / "text.txt";
  expect_failure(options, "cannot create");
}

TEST_F(Preprocess, DamagedCorporaAreNoticed) {
  PreprocessOptions options = options_for("hello\n\nor hello\n");
  options.shard_tokens = 2;
  ASSERT_TRUE(run(options));
  const auto shard = options.folder / shard_name(1);
  const auto error = [&] {
    auto corpus = Corpus::open(options.folder);
    if (!corpus) return corpus.error().message;
    const auto verified = corpus->verify();
    return verified ? std::string() : verified.error().message;
  };
  EXPECT_EQ(error(), "");
  flip_bit(shard, 64);
  EXPECT_NE(error().find("checksum"), std::string::npos);
  flip_bit(shard, 64);
  for (const std::size_t at : {0, 8, 12, 16, 24, 40}) {
    flip_bit(shard, at);
    EXPECT_NE(error().find("shard-00001.bin"), std::string::npos) << at;
    flip_bit(shard, at);
  }
  flip_bit(shard, 65);
  std::vector<std::int32_t> tokens(4);
  const auto read = Corpus::open(options.folder)->read(0, tokens);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("expected less than"), std::string::npos);
  fs::resize_file(shard, 20);
  EXPECT_NE(error().find("header"), std::string::npos);
  fs::remove(options.folder / "index.json");
  EXPECT_NE(error().find("folder without index.json"), std::string::npos);
}

TEST_F(Preprocess, KnowsTheTokenizer) {
  PreprocessOptions options = options_for("hello\n");
  ASSERT_TRUE(run(options));
  const auto other = tiny_sentencepiece();
  EXPECT_FALSE(Corpus::open(options.folder)->check_tokenizer(*other));
}

}  // namespace
}  // namespace slip
