// Packed weights kept in files: the same logits with and without, whatever happened to the files.
#include "model/pack_cache.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "formats/gguf.h"
#include "model/cpu_runner.h"
#include "model/pack_file.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

namespace fs = std::filesystem;
using Logits = std::vector<float>;

// Files that changed less than 100 ms ago aren't trusted to keep their stamps.
void let_settle() {
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
}

class Packed : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy_file(fs::path(SLIP_TEST_DATA) / "golden/llama/model.gguf", model_);
    let_settle();
  }

  std::shared_ptr<const ModelWeights> load(const std::optional<PackCache>& cache) {
    ThreadPool pool(2);
    const WeightOptions options{
        .packed = {.cache = cache,
                   .on_warning = [this](std::string_view text) { warnings_.emplace_back(text); }}};
    auto weights = ModelWeights::load(open_model(model_).value(), options, pool);
    EXPECT_TRUE(weights.has_value()) << weights.error().message;
    return *weights;
  }

  static Logits logits_of(std::shared_ptr<const ModelWeights> weights) {
    ThreadPool pool(1);
    const auto runner = make_cpu_runner(std::move(weights), pool, {.n_ctx = 32, .kv = {}}).value();
    const std::int32_t pages[] = {0};
    const std::span<const std::int32_t> tables[] = {pages};
    std::vector<BatchRow> rows;
    for (int i = 0; i < 5; ++i) {
      rows.push_back(
          {.token = 7 * i + 3, .position = i, .sequence = 0, .output = RowOutput::kLogits});
    }
    const auto out = runner->run({.rows = rows, .page_tables = tables}).value();
    return {out.logits.begin(), out.logits.end()};
  }

  fs::path file() const { return cache_.file_of(model_); }
  std::size_t n_files() const {
    std::error_code none;
    const fs::directory_iterator files(cache_.folder(), none);
    return none ? 0 : static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
  // What the file holds, or the error.
  static Result<> check(const fs::path& path) {
    const MappedFile file = SLIP_TRY(MappedFile::open(path));
    return verify_pack_data(file, SLIP_TRY(read_pack_header(file)));
  }
  static void change_byte(const fs::path& path, std::uint64_t offset) {
    std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekg(static_cast<std::streamoff>(offset));
    const char old = static_cast<char>(stream.get());
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(static_cast<char>(old ^ 0x15));
  }
  // Packs without a cache after one that must have said why.
  void expect_fallback(const PackCache& cache, const std::string& reason) {
    warnings_.clear();
    const Logits expected = logits_of(load({}));
    EXPECT_EQ(logits_of(load(cache)), expected);
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_NE(warnings_[0].find(reason), std::string::npos) << warnings_[0];
    EXPECT_EQ(warnings_[0].find('\n'), std::string::npos);
  }

  test::TempDir dir_;
  fs::path model_ = dir_ / "model.gguf";
  PackCache cache_{dir_ / "packed", 1 << 30};
  std::vector<std::string> warnings_;
};

TEST_F(Packed, LogitsAreTheSameInMemoryWrittenAndMapped) {
  const Logits expected = logits_of(load({}));
  EXPECT_EQ(n_files(), 0u);
  EXPECT_EQ(logits_of(load(cache_)), expected);  // writes
  ASSERT_EQ(n_files(), 1u);
  EXPECT_TRUE(check(file()).has_value());
  const auto inode = MappedFile::open(file())->stamp().inode;
  EXPECT_EQ(logits_of(load(cache_)), expected);  // maps
  EXPECT_EQ(MappedFile::open(file())->stamp().inode, inode);
  EXPECT_TRUE(warnings_.empty());
  // The mapped file is what is multiplied with, not the model's.
  const PackHeader header = read_pack_header(*MappedFile::open(file())).value();
  const auto time = fs::last_write_time(file());
  change_byte(file(), header.data_offset + 64);
  fs::last_write_time(file(), time);
  EXPECT_NE(logits_of(load(cache_)), expected);
}

TEST_F(Packed, AFileThatWasWrittenToIsMadeAnew) {
  const Logits expected = logits_of(load(cache_));
  logits_of(load(cache_));  // a use leaves the seal
  EXPECT_EQ(cache_.list()[0].state, PackCache::State::kCurrent);
  const PackHeader header = read_pack_header(*MappedFile::open(file())).value();
  change_byte(file(), header.data_offset + 64);
  EXPECT_EQ(cache_.list()[0].state, PackCache::State::kDamaged);
  EXPECT_EQ(logits_of(load(cache_)), expected);
  EXPECT_TRUE(check(file()).has_value());
  EXPECT_EQ(cache_.list()[0].state, PackCache::State::kCurrent);
}

TEST_F(Packed, ATensorChangedInPlaceIsSeen) {
  const Logits before = logits_of(load(cache_));
  const auto time = fs::last_write_time(model_);
  std::uint64_t offset = 0;
  {
    const GgufFile gguf = GgufFile::open(model_).value();
    for (std::size_t i = 0; i < gguf.tensors().size(); ++i) {
      if (gguf.tensors()[i].name == "blk.0.ffn_down.weight") offset = gguf.place(i).offset + 2;
    }
  }
  ASSERT_GT(offset, 0u);
  change_byte(model_, offset);
  fs::last_write_time(model_, time);  // as cp -p and rsync do
  let_settle();
  const Logits after = logits_of(load({}));
  ASSERT_NE(after, before);
  EXPECT_EQ(logits_of(load(cache_)), after);
  EXPECT_EQ(logits_of(load(cache_)), after);
  EXPECT_EQ(n_files(), 1u);  // the new weights took the old ones' place
}

TEST_F(Packed, AModelThatChangedAMomentAgoIsntCached) {
  fs::last_write_time(model_, fs::file_time_type::clock::now());
  const Logits expected = logits_of(load({}));
  EXPECT_EQ(logits_of(load(cache_)), expected);
  EXPECT_EQ(n_files(), 0u);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Packed, DamagedFilesAreMadeAnew) {
  const Logits expected = logits_of(load(cache_));
  const std::uint64_t size = fs::file_size(file());
  const PackHeader header = read_pack_header(*MappedFile::open(file())).value();
  const std::uint64_t table_end = pack_header_bytes(header).size();
  for (const std::uint64_t cut : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{20},
                                  table_end - 1, table_end, header.data_offset, size - 1}) {
    fs::resize_file(file(), cut);
    EXPECT_FALSE(check(file()).has_value()) << cut;
    EXPECT_EQ(logits_of(load(cache_)), expected) << cut;
    EXPECT_TRUE(check(file()).has_value()) << cut;
  }
  // Every byte of the header: magic, versions, length, checksum, key, table.
  for (std::uint64_t at = 0; at < table_end; at += at < 80 ? 1 : 37) {
    change_byte(file(), at);
    const auto read = read_pack_header(*MappedFile::open(file()));
    EXPECT_FALSE(read.has_value()) << at;
    change_byte(file(), at);
  }
  change_byte(file(), table_end - 9);
  EXPECT_EQ(logits_of(load(cache_)), expected);
  EXPECT_TRUE(check(file()).has_value());
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Packed, ChangedDataIsFoundWhenAskedFor) {
  load(cache_);
  const PackHeader header = read_pack_header(*MappedFile::open(file())).value();
  const PackHeader::Matrix& matrix = header.matrices[3];
  change_byte(file(), header.data_offset + matrix.offset + matrix.n_bytes - 1);
  const auto checked = check(file());
  ASSERT_FALSE(checked.has_value());
  EXPECT_NE(checked.error().message.find(matrix.name), std::string::npos);
}

TEST_F(Packed, AFolderThatCantBeMadeMeansMemory) {
  dir_.write("file", "");
  expect_fallback(PackCache(dir_ / "file/packed", 1 << 30), "Not a directory");
}

TEST_F(Packed, ALimitOnFileSizesMeansMemory) {
  struct rlimit old {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const struct rlimit small { .rlim_cur = 4096, .rlim_max = old.rlim_max };
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_fallback(cache_, "limit on file sizes");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_EQ(n_files(), 0u);
}

TEST_F(Packed, AFullDiskMeansMemory) {
  fs::create_directories(cache_.folder());
  if (mount("none", cache_.folder().c_str(), "tmpfs", 0, "size=16k") != 0) {
    GTEST_SKIP() << "a small file system can't be mounted here";
  }
  expect_fallback(cache_, "No space left");
  EXPECT_EQ(n_files(), 0u);
  EXPECT_EQ(umount(cache_.folder().c_str()), 0);
}

TEST_F(Packed, TwoThatPackAtOnceBothWork) {
  const Logits expected = logits_of(load({}));
  std::vector<Logits> got(2);
  std::vector<std::thread> threads;
  for (Logits& logits : got) {
    threads.emplace_back([&] { logits = logits_of(load(cache_)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got[0], expected);
  EXPECT_EQ(got[1], expected);
  EXPECT_EQ(n_files(), 1u);
  EXPECT_TRUE(check(file()).has_value());
}

TEST_F(Packed, TheLeastRecentlyUsedGoesFirstAndNoneInUse) {
  load(cache_);
  const auto mapped = load(cache_);
  let_settle();
  const fs::path old = dir_.write("packed/old.pack", std::string(1000, 'x'));
  let_settle();
  const fs::path recent = dir_.write("packed/recent.pack", std::string(1000, 'x'));
  const fs::path leftover = dir_.write("packed/a.pack.tmp-1-0", "x");
  const fs::path other = dir_.write("packed/readme", "x");
  fs::last_write_time(leftover, fs::file_time_type::clock::now() - std::chrono::hours(2));
  const std::uint64_t size = fs::file_size(file());
  EXPECT_TRUE(PackCache(cache_.folder(), size + 2000).make_room(1000).has_value());
  EXPECT_FALSE(fs::exists(old));
  EXPECT_FALSE(fs::exists(leftover));
  EXPECT_TRUE(fs::exists(recent) && fs::exists(other) && fs::exists(file()));
  const auto full = PackCache(cache_.folder(), size).make_room(1000);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().kind, ErrorKind::kLimit);
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(Packed, AModelBeyondTheLimitStaysInMemory) {
  expect_fallback(PackCache(cache_.folder(), 1000), "more than the cache may hold");
  warnings_.clear();
  load(PackCache(cache_.folder(), 0));  // no cache at all
  EXPECT_TRUE(warnings_.empty());
  EXPECT_EQ(n_files(), 0u);
}

TEST_F(Packed, TheListSaysWhatEachFileIsWorth) {
  load(cache_);
  ASSERT_EQ(cache_.list().size(), 1u);
  EXPECT_EQ(cache_.list()[0].state, PackCache::State::kCurrent);
  EXPECT_EQ(cache_.list()[0].model, fs::canonical(model_));
  fs::last_write_time(model_, fs::file_time_type::clock::now());
  EXPECT_EQ(cache_.list()[0].state, PackCache::State::kStale);
  fs::remove(model_);
  EXPECT_EQ(cache_.list()[0].state, PackCache::State::kStale);
  dir_.write("packed/0.pack", "no header");
  ASSERT_EQ(cache_.list().size(), 2u);
  EXPECT_EQ(cache_.list()[0].state, PackCache::State::kDamaged);
  EXPECT_TRUE(cache_.remove("0.pack").has_value());
  EXPECT_EQ(cache_.list().size(), 1u);
}

TEST(PackCacheEnvironment, SizesHaveUnits) {
  const auto limit_of = [](const char* text) {
    setenv("SLIPSTREAM_PACK_CACHE_LIMIT", text, 1);
    auto cache = PackCache::from_environment();
    unsetenv("SLIPSTREAM_PACK_CACHE_LIMIT");
    return cache ? static_cast<std::int64_t>(cache->limit_bytes()) : -1;
  };
  EXPECT_EQ(limit_of("0"), 0);
  EXPECT_EQ(limit_of("2K"), 2048);
  EXPECT_EQ(limit_of("3G"), std::int64_t{3} << 30);
  EXPECT_GT(limit_of(""), 0);
  for (const char* wrong : {"x", "-1", "1.5G", "3GB", "99999999999999999999", "99999999999G"}) {
    EXPECT_EQ(limit_of(wrong), -1) << wrong;
  }
}

}  // namespace
}  // namespace slip
