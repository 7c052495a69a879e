#include "measure/eval/certificate.h"

#include <gtest/gtest.h>

#include <vector>

#include "formats/gguf_writer.h"
#include "measure/eval/eval_html.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

class CertificateTest : public ::testing::Test {
 protected:
  // A file of one tensor with this first weight.
  std::filesystem::path model(const char* name, float weight, std::int64_t n_layers = 2) {
    Metadata metadata;
    metadata.set("general.architecture", std::string("llama"));
    metadata.set("general.name", std::string(name));
    metadata.set("llama.block_count", n_layers);
    const std::vector<float> weights{weight, 2, 3, 4};
    const std::vector<GgufTensorSpec> specs{{"w", DType::kF32, {4}, std::nullopt}};
    const auto path = folder_ / name;
    auto writer = GgufWriter::create(path, metadata, specs);
    EXPECT_TRUE(writer.has_value());
    EXPECT_TRUE(writer->write_tensor("w", std::as_bytes(std::span(weights))).has_value());
    EXPECT_TRUE(writer->finish().has_value());
    return path;
  }

  static Certificate record(const std::filesystem::path& path) {
    Certificate c;
    c.weights_hash = *weights_hash(path);
    c.base_hash = "xxh3:1";
    c.n_tokens = 510;
    c.kl = 0.01;
    c.kl_interval = {.low = 0.008, .high = 0.012};
    c.perplexity = 7.5;
    return c;
  }

  static std::string refusal(const std::filesystem::path& path, double max_kl) {
    const auto met = require_quality(path, max_kl);
    return met ? "" : met.error().message;
  }

  test::TempDir folder_;
};

TEST_F(CertificateTest, HashIsOfWhatIsComputedFrom) {
  const auto a = model("a", 1), same = model("b", 1), other = model("c", 1.5F);
  EXPECT_EQ(*weights_hash(a), *weights_hash(same)) << "a name changes nothing";
  EXPECT_NE(*weights_hash(a), *weights_hash(other));
  EXPECT_NE(*weights_hash(a), *weights_hash(model("d", 1, 3)));
}

TEST_F(CertificateTest, IsReadAsItWasWritten) {
  const auto path = model("a", 1);
  const auto before = GgufFile::open(path);
  EXPECT_EQ(read_certificate(before->metadata()).error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(write_certificate(path, record(path)).has_value());
  Certificate second = record(path);
  second.kl = 0.011;
  ASSERT_TRUE(write_certificate(path, second).has_value());
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.has_value());
  const auto read = read_certificate(file->metadata());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->weights_hash, second.weights_hash);
  EXPECT_EQ(read->kl, 0.011);
  EXPECT_EQ(read->kl_interval.high, 0.012);
  EXPECT_EQ(read->n_tokens, 510);
  EXPECT_EQ(*file->metadata().string("general.name"), "a");
  EXPECT_EQ(*weights_hash(path), second.weights_hash) << "a record changes no weights";
}

TEST_F(CertificateTest, DecidesByTheUpperEnd) {
  const auto path = model("a", 1);
  EXPECT_NE(refusal(path, 1).find("got none"), std::string::npos);
  ASSERT_TRUE(write_certificate(path, record(path)).has_value());
  EXPECT_EQ(refusal(path, 0.012), "");
  EXPECT_NE(refusal(path, 0.011).find("at most 0.011"), std::string::npos);
}

TEST_F(CertificateTest, IsNoOtherModels) {
  const auto path = model("a", 1), other = model("b", 9);
  EXPECT_FALSE(write_certificate(other, record(path)).has_value());
  // A record that was copied onto other weights.
  Metadata metadata;
  {
    ASSERT_TRUE(write_certificate(path, record(path)).has_value());
    metadata = GgufFile::open(path)->metadata();
  }
  const std::vector<float> weights{9, 2, 3, 4};
  const std::vector<GgufTensorSpec> specs{{"w", DType::kF32, {4}, std::nullopt}};
  auto writer = GgufWriter::create(other, metadata, specs);
  ASSERT_TRUE(writer && writer->write_tensor("w", std::as_bytes(std::span(weights))) &&
              writer->finish());
  EXPECT_NE(refusal(other, 1).find("weights that its record was measured on"), std::string::npos);
  metadata.erase("slipstream.quality.kl.high");
  EXPECT_EQ(read_certificate(metadata).error().kind, ErrorKind::kInvalid);
}

TEST(ParseQuality, TakesOneForm) {
  EXPECT_EQ(*parse_quality("kl<=0.02"), 0.02);
  EXPECT_EQ(*parse_quality("kl<=0"), 0);
  for (const char* bad : {"", "kl", "kl<0.02", "kl<=", "kl<=x", "kl<=0.02 ", "kl<=-1", "kl<=nan",
                          "kl<=inf", "ppl<=3"}) {
    EXPECT_FALSE(parse_quality(bad).has_value()) << bad;
  }
}

TEST(EvalHtml, ShowsWhateverNamesHold) {
  ModelEvaluation model{.model = "x/<b>&.gguf", .file_bytes = 2'000'000, .bits_per_weight = 4.5};
  model.text = EvalResult{
      .perplexity = 9, .perplexity_stderr = 1, .n_tokens = 62, .n_windows = 2, .divergence = {}};
  EXPECT_EQ(eval_html({model}, "").find("<svg"), std::string::npos) << "nothing to plot";
  Divergence d{.mean = 0.02};
  d.mean_interval = Interval{.low = 0, .high = 0.05};
  model.text->divergence = d;
  const std::string page = eval_html({model, model}, "<i>");
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_NE(page.find("&lt;b>&amp;.gguf"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_EQ(page.find("Against speed"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  model.tokens_per_s = {10, 12};
  model.text->divergence->mean = 0;  // the same model: no place on a logarithmic scale
  model.text->divergence->mean_interval = std::nullopt;
  const std::string fast = eval_html({model}, "base");
  EXPECT_NE(fast.find("Against speed"), std::string::npos);
  EXPECT_EQ(fast.find("nan"), std::string::npos);
  EXPECT_EQ(fast.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace slip
