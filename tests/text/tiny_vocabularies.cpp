#include "text/tiny_vocabularies.h"

#include <fmt/format.h>

#include "text/byte_level.h"

namespace slip {
namespace {

MetaArray strings(std::vector<std::string> items) {
  return MetaArray{std::move(items)};
}

}  // namespace

Metadata tiny_byte_level_metadata() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    tokens.push_back(byte_level_encoded({&c, 1}));
  }
  for (const char* token : {"he", "ll", "hell", "hello", "Ġhello", "Ġw", "or"}) {
    tokens.emplace_back(token);
  }
  std::vector<std::int32_t> types(tokens.size(), 1);
  tokens.insert(tokens.end(), {"<|im_start|>", "<|im_end|>"});
  types.insert(types.end(), {3, 3});
  Metadata meta;
  meta.set("tokenizer.ggml.model", std::string("gpt2"));
  meta.set("tokenizer.ggml.pre", std::string("gpt-2"));
  meta.set("tokenizer.ggml.tokens", strings(std::move(tokens)));
  meta.set("tokenizer.ggml.token_type", MetaArray{std::move(types)});
  meta.set("tokenizer.ggml.merges",
           strings({"h e", "l l", "he ll", "hell o", "Ġ hello", "Ġ w", "o r"}));
  meta.set("tokenizer.ggml.bos_token_id", std::uint32_t{263});
  meta.set("tokenizer.ggml.eos_token_id", std::uint32_t{264});
  return meta;
}

std::unique_ptr<Tokenizer> tiny_byte_level() {
  return Tokenizer::from_metadata(tiny_byte_level_metadata()).value();
}

Metadata tiny_sentencepiece_metadata() {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};
  std::vector<float> scores = {0, 0, 0};
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(6);
    scores.push_back(0);
  }
  float score = -1;
  for (const char* token : {"▁h", "el", "▁hel", "lo", "▁hello", "▁", "h", "e", "l", "o", "▁▁"}) {
    tokens.emplace_back(token);
    types.push_back(1);
    scores.push_back(score--);
  }
  Metadata meta;
  meta.set("tokenizer.ggml.model", std::string("llama"));
  meta.set("tokenizer.ggml.tokens", strings(std::move(tokens)));
  meta.set("tokenizer.ggml.token_type", MetaArray{std::move(types)});
  meta.set("tokenizer.ggml.scores", MetaArray{std::move(scores)});
  return meta;
}

std::unique_ptr<Tokenizer> tiny_sentencepiece() {
  return Tokenizer::from_metadata(tiny_sentencepiece_metadata()).value();
}

}  // namespace slip
