// Tiny tokenizers of every kind against what Hugging Face's tokenizers and sentencepiece make of
// the same texts (tests/data/tokenizers, by tools/make-tokenizer-goldens.py).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "formats/json.h"
#include "text/tokenizer.h"

namespace slip {
namespace {

namespace json = boost::json;

const std::filesystem::path kData = std::filesystem::path(SLIP_TEST_DATA) / "tokenizers";

template <class T>
MetaArray numbers(const json::array& items) {
  std::vector<T> out;
  for (const json::value& item : items) out.push_back(json::value_to<T>(item));
  return MetaArray{std::move(out)};
}

MetaValue meta_array(const json::array& items) {
  if (items.empty()) return MetaArray{std::vector<std::uint8_t>()};
  if (items[0].is_string()) {
    std::vector<std::string> out;
    for (const json::value& item : items) out.push_back(json::value_to<std::string>(item));
    return MetaArray{std::move(out)};
  }
  bool floats = false;
  for (const json::value& item : items) floats |= item.is_double();
  return floats ? numbers<float>(items) : numbers<std::int32_t>(items);
}

Metadata metadata_of(const json::object& object) {
  Metadata out;
  for (const auto& [name, value] : object) {
    const std::string key(name);
    if (value.is_string()) out.set(key, json::value_to<std::string>(value));
    if (value.is_bool()) out.set(key, value.get_bool());
    if (value.is_int64()) out.set(key, static_cast<std::uint32_t>(value.get_int64()));
    if (!value.is_array()) continue;
    if (key == "tokenizer.ggml.precompiled_charsmap") {
      out.set(key, numbers<std::uint8_t>(value.get_array()));
    } else {
      out.set(key, meta_array(value.get_array()));
    }
  }
  return out;
}

Result<std::unique_ptr<Tokenizer>> load(const json::object& golden) {
  const json::value& tokenizer = golden.at("tokenizer");
  if (golden.at("kind") == "gguf") {
    return Tokenizer::from_metadata(metadata_of(tokenizer.get_object()));
  }
  const json::value& config = golden.at("config");
  return Tokenizer::from_hf(json::serialize(tokenizer),
                            config.is_null() ? "" : json::serialize(config));
}

std::vector<std::string> golden_names() {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::directory_iterator(kData)) {
    if (file.path().extension() == ".json" && file.path().stem() != "texts") {
      out.push_back(file.path().stem().string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, EncodesAsTheReference) {
  const auto texts =
      json::value_to<std::vector<std::string>>(read_json(kData / "texts.json").value());
  const json::value root = read_json(kData / (GetParam() + ".json")).value();
  const json::object& golden = root.get_object();
  const auto tokenizer = load(golden);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const bool sentencepiece = golden.at("kind") == "gguf";
  for (const bool special : {true, false}) {
    const json::array& expected = golden.at(special ? "ids" : "ids_without_special").get_array();
    ASSERT_EQ(expected.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      // SentencePiece knows no control tokens in texts.
      const EncodeOptions options{.add_special = special, .parse_special = !sentencepiece};
      EXPECT_EQ((*tokenizer)->encode(texts[i], options),
                json::value_to<std::vector<int>>(expected[i]))
          << "text " << i << ": " << texts[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, Golden, testing::ValuesIn(golden_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace slip
