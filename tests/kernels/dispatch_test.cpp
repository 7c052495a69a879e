#include "kernels/dispatch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/os/cpu.h"
#include "kernels/self_test.h"
#include "kernels/support.h"

namespace slip::test {
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

TEST(Dispatch, WhatTheCpuHasIsOffered) {
  std::string names;
  for (const KernelTable* table : available_kernels()) names += std::string(" ") + table->isa;
  const CpuFeatures& cpu = cpu_features();
  EXPECT_EQ(names.find(" avx2") != std::string::npos, cpu.avx2) << names;
  EXPECT_EQ(names.find(" avx512") != std::string::npos, cpu.avx512) << names;
  EXPECT_EQ(names.find(" avx512_bf16") != std::string::npos, cpu.avx512_bf16) << names;
  EXPECT_EQ(names.find(" neon") != std::string::npos, cpu.neon_dotprod) << names;
}

// A table that lacks a kernel would pass every comparison with ref.
TEST(Dispatch, EachIsaHasEveryKernelOfItsOwn) {
  auto tables = tables_under_test();
  if (std::string_view(tables.back()->isa) == "avx512_bf16") {
    const KernelTable &bf16 = *tables.back(), &avx512 = **std::prev(tables.end(), 2);
    EXPECT_NE(bf16.bf16_bytes, avx512.bf16_bytes);
    EXPECT_NE(bf16.bf16_round, avx512.bf16_round);
    EXPECT_NE(bf16.bgemm, avx512.bgemm);
    tables.pop_back();  // the rest is of avx512
  }
  for (std::size_t i = 1; i < tables.size(); ++i) {
    for (std::size_t below = 0; below < i; ++below) {
      const KernelTable &a = *tables[i], &b = *tables[below];
      EXPECT_NE(a.act_quantize, b.act_quantize) << a.isa;
      EXPECT_NE(a.qgemm, b.qgemm) << a.isa;
      EXPECT_NE(a.fgemm, b.fgemm) << a.isa;
      EXPECT_NE(a.bf16_round, b.bf16_round) << a.isa;
      EXPECT_NE(a.bgemm, b.bgemm) << a.isa;
      EXPECT_NE(a.kv_store, b.kv_store) << a.isa;
      EXPECT_NE(a.attention, b.attention) << a.isa;
      EXPECT_NE(a.rms_norm, b.rms_norm) << a.isa;
      EXPECT_NE(a.rope, b.rope) << a.isa;
      EXPECT_NE(a.gate, b.gate) << a.isa;
      EXPECT_NE(a.add, b.add) << a.isa;
      EXPECT_NE(a.scale, b.scale) << a.isa;
      EXPECT_NE(a.soft_cap, b.soft_cap) << a.isa;
      EXPECT_NE(a.argmax, b.argmax) << a.isa;
    }
  }
}

// default_kernels() chooses once in a process: this one asks for the forced choice in a child.
void exit_with_choice_under(const char* isa) {
  setenv("SLIPSTREAM_ISA", isa, 1);
  const auto table = default_kernels();
  if (table) {
    std::fputs((*table)->isa, stderr);
    std::_Exit(0);
  }
  std::fputs(table.error().message.c_str(), stderr);
  std::_Exit(1);
}

TEST(DispatchDeathTest, SlipstreamIsaForcesATable) {
  // Forks without starting the program again, which an emulator can't; nothing here has threads.
  GTEST_FLAG_SET(death_test_style, "fast");
  for (const KernelTable* table : available_kernels()) {
    EXPECT_EXIT(exit_with_choice_under(table->isa), ::testing::ExitedWithCode(0), table->isa);
  }
  EXPECT_EXIT(exit_with_choice_under("sse9"), ::testing::ExitedWithCode(1), "expected one of ref");
}

TEST(SelfTest, EveryTableOfThisMachinePasses) {
  for (const KernelTable* table : tables_under_test()) {
    EXPECT_EQ(self_test(*table, *tables_under_test().front()), "") << table->isa;
  }
}

TEST(SelfTest, NamesTheKernelThatIsWrong) {
  const KernelTable& ref = *tables_under_test().front();
  KernelTable broken = ref;
  broken.attention = [](const AttentionArgs* args) {
    tables_under_test().front()->attention(args);
    args->out[5] += 1e-6F;
  };
  EXPECT_EQ(self_test(broken, ref), "attention");
  broken = ref;
  broken.qgemm = [](const QGemmArgs* args) {
    tables_under_test().front()->qgemm(args);
    args->out[17] *= 1.0000002F;
  };
  EXPECT_EQ(self_test(broken, ref), "qgemm");
  broken = ref;
  broken.bf16_round = [](const BF16RoundArgs* args) {
    tables_under_test().front()->bf16_round(args);
    static_cast<float*>(args->packed)[3] *= -1;
  };
  EXPECT_EQ(self_test(broken, ref), "bgemm");
  broken = ref;
  broken.argmax = [](const float*, std::int64_t) -> std::int64_t { return -1; };
  EXPECT_EQ(self_test(broken, ref), "add, scale, soft_cap or argmax");
}

}  // namespace
}  // namespace slip::test
