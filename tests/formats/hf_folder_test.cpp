#include "formats/hf_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "formats/summary.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::filesystem::path kFolder = std::filesystem::path(SLIP_TEST_DATA) / "formats/folder";

std::string error_of(const std::filesystem::path& dir, HfContent content = HfContent::kAll) {
  auto folder = HfFolder::open(dir, content);
  return folder ? "no error" : folder.error().message;
}

TEST(HfFolder, OpensAShardedModel) {
  auto folder = HfFolder::open(kFolder);
  ASSERT_TRUE(folder.has_value()) << folder.error().message;
  const HfFolder moved = std::move(*folder);
  EXPECT_EQ(moved.config_view().string("model_type").value(), "llama");
  EXPECT_EQ(moved.config().at("hidden_size").as_int64(), 8);
  ASSERT_NE(moved.generation_config(), nullptr);
  EXPECT_EQ(moved.special_tokens_map(), nullptr);
  EXPECT_THAT(moved.tokenizer_json().value(), HasSubstr("BPE"));
  EXPECT_EQ(moved.text("merges.txt").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(moved.weight_files().size(), 3u);
  ASSERT_EQ(moved.tensors().size(), 3u);
  const TensorView* norm = moved.find("model.norm.weight");
  ASSERT_NE(norm, nullptr);
  EXPECT_THAT(norm->shape, ElementsAre(8, 4));
  EXPECT_EQ(norm->bytes[1], std::byte{0x40});  // 2.0 in BF16 is 0x4000
  EXPECT_EQ(moved.find("lm_head.weight"), nullptr);
}

TEST(HfFolder, ReadsAllLayoutsOfChatTemplates) {
  TempDir dir;
  dir.write("config.json", "{}");
  const auto templates = [&] {
    return HfFolder::open(dir.path(), HfContent::kNoTensors).value().chat_templates().value();
  };
  EXPECT_TRUE(templates().empty());
  dir.write("tokenizer_config.json", R"({"chat_template": "old"})");
  EXPECT_THAT(templates(), ElementsAre(Pair("default", "old")));
  dir.write(
      "tokenizer_config.json",
      R"({"chat_template": [{"name":"default","template":"a"},{"name":"rag","template":"b"}]})");
  EXPECT_THAT(templates(), ElementsAre(Pair("default", "a"), Pair("rag", "b")));
  dir.write("chat_template.json", R"({"chat_template": "processor"})");
  EXPECT_THAT(templates(), ElementsAre(Pair("default", "processor")));
  dir.write("chat_template.jinja", "new");
  dir.write("additional_chat_templates/tool_use.jinja", "tools");
  EXPECT_THAT(templates(), ElementsAre(Pair("default", "new"), Pair("tool_use", "tools")));
}

TEST(HfFolder, MissingAndMalformedFilesAreNamed) {
  TempDir dir;
  EXPECT_THAT(error_of(dir.path()), HasSubstr("config.json: cannot open"));
  EXPECT_FALSE(HfFolder::is_folder(dir.path()));
  dir.write("config.json", "{");
  EXPECT_THAT(error_of(dir.path()),
              HasSubstr("config.json: byte 1: expected JSON, got incomplete"));
  dir.write("config.json", "[]");
  EXPECT_THAT(error_of(dir.path()), HasSubstr("config.json: expected an object, got an array"));
  dir.write("config.json", "{}");
  EXPECT_TRUE(HfFolder::is_folder(dir.path()));
  EXPECT_THAT(error_of(dir.path()), HasSubstr("model.safetensors.index.json, got neither"));
  EXPECT_EQ(error_of(dir.path(), HfContent::kNoTensors), "no error");
  dir.write("pytorch_model.bin", "");
  EXPECT_THAT(error_of(dir.path()), HasSubstr("save the model as safetensors"));
  dir.write("generation_config.json", "nul");
  EXPECT_THAT(error_of(dir.path()), HasSubstr("generation_config.json: byte 3"));
}

TEST(HfFolder, AnIndexCannotPointOutsideOfItsFolder) {
  TempDir dir;
  dir.write("config.json", "{}");
  const auto index_error = [&](const std::string& file_name) {
    dir.write("model.safetensors.index.json", R"({"weight_map":{"t":)" + file_name + "}}");
    return error_of(dir.path());
  };
  for (const char* name : {R"("/etc/passwd")", R"("../x")", R"("a/b")", R"("..")", R"(".")",
                           R"("")", R"("a\u0000b")", "1", "null", "{}"}) {
    EXPECT_THAT(index_error(name), HasSubstr("expected the name of a file in the same folder"))
        << name;
  }
  EXPECT_THAT(index_error(R"("none.safetensors")"), HasSubstr("none.safetensors: cannot open"));
  std::filesystem::copy_file(kFolder / "model-00001-of-00003.safetensors", dir / "a.safetensors");
  EXPECT_THAT(
      index_error(R"("a.safetensors")"),
      HasSubstr("a.safetensors: expected tensor 't', which model.safetensors.index.json names"));
  dir.write("model.safetensors.index.json", "{}");
  EXPECT_THAT(error_of(dir.path()), HasSubstr("expected an object weight_map, got none"));
}

TEST(Summary, CountsTypesAndBits) {
  auto folder = HfFolder::open(kFolder);
  ASSERT_TRUE(folder.has_value());
  const ModelSummary folder_summary = summarize(*folder);
  ASSERT_EQ(folder_summary.types.size(), 1u);
  EXPECT_EQ(folder_summary.types[0].type, "BF16");
  EXPECT_EQ(folder_summary.total.n_elements, 96);
  EXPECT_EQ(folder_summary.bits_per_weight(), 16);
  EXPECT_EQ(folder_summary.file_bytes, 192 + 200 + 184);

  auto file = GgufFile::open(kFolder / "../everything.gguf");
  ASSERT_TRUE(file.has_value());
  const ModelSummary summary = summarize(*file);
  EXPECT_EQ(summary.types.size(), 21u);
  EXPECT_EQ(summary.types[0].type, "I64");  // of the two widest types, the one that comes first
  EXPECT_EQ(summary.total.n_tensors, 21);
  EXPECT_EQ(summary.total.n_elements, 21 * 768);
  EXPECT_EQ(summary.file_bytes, 32192);
  for (const TypeTotals& totals : summary.types) {
    if (totals.type == "Q4_K") {
      EXPECT_EQ(totals.bits_per_weight(), 4.5);
    }
  }
}

}  // namespace
}  // namespace slip
