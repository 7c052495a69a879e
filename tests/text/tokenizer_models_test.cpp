// The vocabularies that llama.cpp ships, with the tokenisations it expects (made by the models' own
// tokenizers). They are megabytes, so they aren't in the tree: SLIPSTREAM_TEST_MODELS names a
// directory that holds ggml-vocab-*.gguf with their .inp and .out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "formats/gguf.h"
#include "formats/json.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> vocabularies() {
  std::vector<fs::path> out;
  const char* dir = std::getenv("SLIPSTREAM_TEST_MODELS");
  if (dir == nullptr || !fs::is_directory(dir)) return out;
  for (const auto& file : fs::recursive_directory_iterator(dir)) {
    const std::string name = file.path().filename().string();
    if (name.starts_with("ggml-vocab-") && name.ends_with(".gguf")) out.push_back(file.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::unique_ptr<Tokenizer> load(const fs::path& path) {
  const auto file = GgufFile::open(path);
  EXPECT_TRUE(file.has_value()) << file.error().message;
  if (!file) return nullptr;
  auto tokenizer = Tokenizer::from_metadata(file->metadata());
  EXPECT_TRUE(tokenizer.has_value()) << path << ": " << tokenizer.error().message;
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end + separator.size();
  }
  return out;
}

std::vector<int> numbers(const std::string& line) {
  std::istringstream in(line);
  std::vector<int> out;
  for (int id = 0; in >> id;) out.push_back(id);
  return out;
}

TEST(ModelVocabularies, EncodeAsExpected) {
  std::size_t n_checked = 0;
  for (const fs::path& path : vocabularies()) {
    const fs::path expected = path.string() + ".out";
    if (!fs::exists(expected)) continue;
    const auto tokenizer = load(path);
    ASSERT_NE(tokenizer, nullptr);
    const auto texts = split(read_text(path.string() + ".inp").value(), "\n__ggml_vocab_test__\n");
    const auto lines = split(read_text(expected).value(), "\n");
    ASSERT_EQ(texts.size(), lines.size()) << path;
    // The ids of its decomposed texts are llama.cpp's, which leaves out the model's NFC.
    const bool skips_decomposed = path.filename() == "ggml-vocab-qwen35.gguf";
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (skips_decomposed && normalize_unicode(texts[i], NormalForm::kNfc) != texts[i]) continue;
      EXPECT_EQ(tokenizer->encode(texts[i], {.add_special = false, .parse_special = false}),
                numbers(lines[i]))
          << path.filename() << ": " << texts[i];
    }
    ++n_checked;
  }
  if (n_checked == 0) GTEST_SKIP() << "SLIPSTREAM_TEST_MODELS holds no ggml-vocab-*.gguf.out";
}

TEST(ModelVocabularies, Qwen2ComposesCharacters) {
  for (const fs::path& path : vocabularies()) {
    if (path.filename() != "ggml-vocab-qwen2.gguf") continue;
    EXPECT_EQ(load(path)->encode("cafe\u0301"), (std::vector<int>{924, 58858}));
    return;
  }
  GTEST_SKIP() << "SLIPSTREAM_TEST_MODELS holds no ggml-vocab-qwen2.gguf";
}

TEST(ModelVocabularies, RoundTripTextAndEveryTokensName) {
  const std::string text =
      "The earth's light, at 12:30 — café, 今日は; \"x = y[3]\"\n\n\tПривет! 😀 e\u0301";
  std::size_t n_checked = 0;
  for (const fs::path& path : vocabularies()) {
    const auto tokenizer = load(path);
    ASSERT_NE(tokenizer, nullptr);
    for (int id = 0; id < tokenizer->n_vocab(); ++id) {
      const auto found = tokenizer->find_token(tokenizer->token_name(id));
      ASSERT_TRUE(found.has_value()) << path << ": " << id;
      // Several ids may share a name (padding); they then stand for the same bytes.
      ASSERT_EQ(tokenizer->token_bytes(*found), tokenizer->token_bytes(id)) << path << ": " << id;
    }
    ++n_checked;
    const std::string name = path.filename().string();
    if (name.find("bert") != std::string::npos) continue;  // lossy
    const bool composes = tokenizer->encode("e\u0301") == tokenizer->encode("\u00e9");
    const std::string expected =
        composes ? normalize_unicode(text, NormalForm::kNfc).value() : text;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), expected) << name;
  }
  if (n_checked == 0) GTEST_SKIP() << "SLIPSTREAM_TEST_MODELS holds no ggml-vocab-*.gguf";
}

}  // namespace
}  // namespace slip
