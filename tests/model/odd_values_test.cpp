// Every key of a configuration with values that no writer meant: an error or a configuration that
// passes its checks, never a crash.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "formats/gguf.h"
#include "model/config_check.h"
#include "model/source_files.h"

namespace slip {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(SLIP_TEST_DATA) / "golden";
constexpr const char* kModels[] = {"gemma2", "gemma3", "llama",     "llama3", "mistral",
                                   "phi3",   "qwen2",  "phi3-long", "qwen3"};

std::vector<MetaValue> odd_values() {
  return {std::uint32_t{0},
          std::uint32_t{1},
          std::uint32_t{0xffffffff},
          std::int32_t{-1},
          ~std::uint64_t{0},
          std::numeric_limits<std::int64_t>::min(),
          std::numeric_limits<float>::quiet_NaN(),
          std::numeric_limits<float>::infinity(),
          1e-45f,
          1e300,
          0.0f,
          -1.0f,
          true,
          std::string(),
          std::string("longrope"),
          std::string("yarn"),
          std::string("llama3"),
          MetaArray{std::vector<std::int32_t>{}},
          MetaArray{std::vector<std::int32_t>{0, -1, 3, 5, 7, 9, 11, 13}},
          MetaArray{std::vector<bool>{true}},
          MetaArray{std::vector<double>(6, 1e300)},
          MetaArray{std::vector<std::string>{"x"}}};
}

// True when the metadata is read without complaint; a complaint must say something.
bool is_understood(const Family& family, const Metadata& metadata, bool is_gguf) {
  auto config = is_gguf ? family.from_gguf(metadata) : family.from_hf(metadata);
  if (!config) {
    EXPECT_FALSE(config.error().message.empty());
    return false;
  }
  const auto checked = check_config(*config);
  if (!checked) {
    EXPECT_FALSE(checked.error().message.empty());
  }
  return checked.has_value();
}

// Returns how many of the changed configurations were refused.
int count_refused(const Family& family, const Metadata& metadata, bool is_gguf) {
  int n_refused = 0;
  for (const auto& entry : metadata.entries()) {
    if (entry.key.starts_with("tokenizer.")) continue;
    for (const MetaValue& value : odd_values()) {
      Metadata changed = metadata;
      changed.set(entry.key, value);
      n_refused += is_understood(family, changed, is_gguf) ? 0 : 1;
    }
  }
  return n_refused;
}

// Keys that no golden model has, with values that change nothing.
Metadata with_optional_gguf_keys(Metadata metadata, const std::string& architecture) {
  for (const char* key : {"rope.scaling.factor", "rope.scaling.attn_factor"}) {
    if (!metadata.contains(architecture + "." + key)) metadata.set(architecture + "." + key, 1.0f);
  }
  metadata.set(architecture + ".expert_count", std::uint32_t{0});
  return metadata;
}

TEST(OddValues, Gguf) {
  for (const char* model : kModels) {
    const auto file = GgufFile::open(kGolden / model / "model.gguf");
    ASSERT_TRUE(file) << file.error().message;
    const std::string architecture = file->metadata().string("general.architecture").value();
    const Family& family = *family_of_gguf(architecture).value();
    EXPECT_GT(count_refused(family, with_optional_gguf_keys(file->metadata(), architecture), true),
              100);
  }
}

TEST(OddValues, HuggingFace) {
  for (const char* model : kModels) {
    for (const char* style : {"config.json", "config_v4.json"}) {
      const auto json = read_json(kGolden / model / style);
      ASSERT_TRUE(json) << json.error().message;
      const Metadata metadata = flatten_json(json->as_object());
      const Family& family = *family_of_hf(metadata).value();
      ASSERT_TRUE(is_understood(family, metadata, false)) << model << " " << style;
      EXPECT_GT(count_refused(family, metadata, false), 100);
    }
  }
}

}  // namespace
}  // namespace slip
