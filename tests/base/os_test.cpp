#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/os/atomic_file.h"
#include "base/os/cpu.h"
#include "base/os/cpu_times.h"
#include "base/os/mapped_file.h"
#include "base/os/memory.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

class Os : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ =
        fs::temp_directory_path() /
        ("slip-os-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }
  void write(const fs::path& path, const std::string& text) {
    fs::create_directories((dir_ / path).parent_path());
    std::ofstream(dir_ / path) << text;
  }
  fs::path dir_;
};

TEST_F(Os, AnUncommittedFileLeavesTheOldOneAndNoRest) {
  write("f", "old");
  {
    auto file = AtomicFile::create(dir_ / "f");
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write("half").has_value());
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
  auto file = AtomicFile::create(dir_ / "f");
  ASSERT_TRUE(file->write("new").has_value());
  ASSERT_TRUE(file->commit().has_value());
  auto mapped = MappedFile::open(dir_ / "f");
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(mapped->bytes().data()), 3), "new");
}

TEST_F(Os, LinksAreFollowedAndDevicesKept) {
  write("f", "old");
  fs::create_symlink(dir_ / "f", dir_ / "link");
  auto file = AtomicFile::create(dir_ / "link");
  ASSERT_TRUE(file->write("new").has_value());
  ASSERT_TRUE(file->commit().has_value());
  EXPECT_TRUE(fs::is_symlink(dir_ / "link"));
  EXPECT_EQ(fs::file_size(dir_ / "f"), 3u);
  auto device = AtomicFile::create("/dev/null");
  ASSERT_TRUE(device.has_value());
  ASSERT_TRUE(device->write("gone").has_value());
  ASSERT_TRUE(device->commit().has_value());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(Os, OpeningWhatIsNoFileIsAnError) {
  EXPECT_EQ(MappedFile::open(dir_ / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(MappedFile::open(dir_).has_value());
  write("empty", "");
  EXPECT_TRUE(MappedFile::open(dir_ / "empty")->bytes().empty());
  ASSERT_EQ(mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(MappedFile::open(dir_ / "pipe").has_value());  // and doesn't wait for a writer
}

TEST_F(Os, CpuTimesAreReadFromProc) {
  EXPECT_FALSE(cpu_times(dir_).machine_ticks.has_value());
  EXPECT_FALSE(cpu_times(dir_).waiting_ns.has_value());
  write("stat", "cpu  1 2 3 4 5 6 7 8 900 900\ncpu0 1 2 3 4 5 6 7 8 900 900\n");
  write("self/task/1/schedstat", "10 20 3\n");
  write("self/task/2/schedstat", "10 22 3\n");
  const CpuTimes times = cpu_times(dir_);
  EXPECT_EQ(times.machine_ticks, 36) << "guests' time is in user time already";
  EXPECT_EQ(times.stolen_ticks, 8);
  EXPECT_EQ(times.waiting_ns, 42);
  write("stat", "cpu  1 2 3\n");
  EXPECT_FALSE(cpu_times(dir_).stolen_ticks.has_value());
}

TEST_F(Os, CgroupQuotaIsTheTightestOfAllAncestors) {
  write("cpu.max", "max 100000\n");
  write("a/cpu.max", "150000 100000\n");
  write("a/b/cpu.max", "400000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(dir_, "0::/a/b\n"), 1.5);
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(dir_, "0::/\n"), 0);
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(dir_, "0::no slash\n"), 0);
}

TEST_F(Os, CgroupV1QuotaIsRead) {
  write("cpu,cpuacct/x/cpu.cfs_quota_us", "50000\n");
  write("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(dir_, "3:cpu,cpuacct:/x\n1:memory:/y\n"), 0.5);
}

TEST_F(Os, CgroupMemoryIsWhatTheTightestLimitLeaves) {
  constexpr auto kUnlimited = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(cgroup_memory_left(dir_, "0::/a/b\n"), kUnlimited);
  write("a/memory.max", "1000\n");
  write("a/memory.current", "700\n");
  write("a/memory.stat", "anon 500\ninactive_file 150\nactive_file 50\n");
  write("a/b/memory.max", "max\n");
  EXPECT_EQ(cgroup_memory_left(dir_, "0::/a/b\n"), 450u);
  EXPECT_EQ(cgroup_memory_left(dir_, "0::/\n"), kUnlimited);
  write("a/b/memory.max", "300\n");
  write("a/b/memory.current", "400\n");
  EXPECT_EQ(cgroup_memory_left(dir_, "0::/a/b\n"), 0u) << "more used than a lowered limit allows";
}

TEST_F(Os, CgroupV1MemoryIsRead) {
  write("memory/x/memory.limit_in_bytes", "800\n");
  write("memory/x/memory.usage_in_bytes", "500\n");
  write("memory/x/memory.stat", "inactive_file 7\ntotal_inactive_file 100\n");
  EXPECT_EQ(cgroup_memory_left(dir_, "3:cpu:/y\n1:memory:/x\n"), 400u);
  EXPECT_GT(available_memory(), 0u);
}

TEST(CpuBudget, QuotaRoundsUpAndNeverBelowOne) {
  EXPECT_EQ((CpuBudget{.cpus = {0, 1, 2, 3}, .quota = 1.5}.n_threads()), 2);
  EXPECT_EQ((CpuBudget{.cpus = {0, 1}, .quota = 0}.n_threads()), 2);
  EXPECT_EQ((CpuBudget{.cpus = {0, 1, 2, 3}, .quota = 0, .n_cores = 2}.n_threads()), 2);
  EXPECT_EQ((CpuBudget{.cpus = {0, 1}, .quota = 0.1}.n_threads()), 1);
  EXPECT_GE(cpu_budget().n_threads(), 1);
}

TEST(ProcessUse, CountsDescriptorsAndTime) {
  const ProcessUse before = process_use();
  EXPECT_GE(before.n_files, 3);
  EXPECT_GE(before.max_files, before.n_files);
  EXPECT_GT(before.cpu_s, 0);
  const std::ifstream file("/proc/self/status");
  EXPECT_EQ(process_use().n_files, before.n_files + 1);
  EXPECT_GE(process_use().cpu_s, before.cpu_s);
}

}  // namespace
}  // namespace slip
