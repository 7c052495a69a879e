// Small GGUF files for tests, made on the spot: any metadata and tensors, or a whole Llama with a
// byte-level vocabulary and random weights.
#pragma once

#include <cmath>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/metadata.h"
#include "base/rng.h"
#include "formats/gguf_writer.h"

namespace slip::test {

// Collects a file's content; write() or bytes() makes the file. Both throw on content that the
// writer refuses: a test that wants to see the error calls GgufWriter itself.
class GgufBuilder {
 public:
  GgufBuilder& meta(std::string key, MetaValue value) {
    metadata_.set(std::move(key), std::move(value));
    return *this;
  }
  template <class T>
  GgufBuilder& array(std::string key, std::vector<T> items) {
    return meta(std::move(key), MetaArray{std::move(items)});
  }
  // F32; `shape` in GGUF order (columns first).
  GgufBuilder& tensor(std::string name, std::vector<std::int64_t> shape,
                      const std::vector<float>& values) {
    std::vector<std::byte> bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return tensor(std::move(name), DType::kF32, std::move(shape), std::move(bytes));
  }
  GgufBuilder& tensor(std::string name, DType dtype, std::vector<std::int64_t> shape,
                      std::vector<std::byte> bytes) {
    specs_.push_back({std::move(name), dtype, std::move(shape), std::nullopt});
    contents_.push_back(std::move(bytes));
    return *this;
  }
  // F32, uniform in [centre − scale, centre + scale); depends on the builder's order and seed only.
  struct Random {
    float centre = 0;
    float scale = 1;
  };
  GgufBuilder& random_tensor(std::string name, std::vector<std::int64_t> shape, Random random) {
    std::int64_t n = 1;
    for (const std::int64_t dim : shape) n *= dim;
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) {
      value = random.centre + random.scale * static_cast<float>(2 * random_uniform(1, next_++) - 1);
    }
    return tensor(std::move(name), std::move(shape), values);
  }

  void write(const std::filesystem::path& path) const {
    auto writer = must(GgufWriter::create(path, metadata_, specs_));
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      must(writer.write_tensor(specs_[i].name, contents_[i]));
    }
    must(writer.finish());
  }

  std::string bytes() const {
    const GgufPlan plan = must(plan_gguf(metadata_, specs_));
    std::string out = plan.header;
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      out.resize(plan.slots[i].begin);
      out.append(reinterpret_cast<const char*>(contents_[i].data()), contents_[i].size());
    }
    out.resize(plan.file_bytes);
    return out;
  }

  const Metadata& metadata() const { return metadata_; }
  const std::vector<GgufTensorSpec>& specs() const { return specs_; }

 private:
  template <class T>
  static T must(Result<T>&& result) {
    if (!result) throw std::runtime_error(result.error().message);
    return slip::detail::take(std::move(result));
  }

  Metadata metadata_;
  std::vector<GgufTensorSpec> specs_;
  std::vector<std::vector<std::byte>> contents_;
  std::uint64_t next_ = 0;
};

// The 256 characters that GPT-2's byte-level vocabularies write bytes as: printable Latin-1 as
// itself, the others from U+0100 on (Radford et al. 2019, encoder.py).
inline std::vector<std::string> byte_level_alphabet() {
  std::vector<std::string> alphabet;
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    const int code = printable ? byte : next++;
    std::string text;
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else {
      text += static_cast<char>(0xc0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3f));
    }
    alphabet.push_back(std::move(text));
  }
  return alphabet;
}

struct TinyLlamaShape {
  std::uint32_t n_layers = 2;
  std::uint32_t n_embd = 64;
  std::uint32_t n_heads = 4;
  std::uint32_t n_kv_heads = 2;
  std::uint32_t n_ff = 128;
  std::uint32_t n_ctx = 256;
  bool tied_embeddings = false;  // no output.weight
  // Layers behind the others that take time and change nothing: a draft model without them guesses
  // everything right.
  std::uint32_t n_idle_layers = 0;
};

// Architecture "llama", F32. Vocabulary: the 256 bytes (token id = byte), then the merges "he",
// "ll", "llo", "hello", then the control tokens <s> (260) and </s> (261): 262 in all.
inline GgufBuilder tiny_llama(const TinyLlamaShape& shape = {}) {
  GgufBuilder b;
  b.meta("general.architecture", std::string("llama"))
      .meta("general.name", std::string("tiny llama"))
      .meta("llama.block_count", shape.n_layers + shape.n_idle_layers)
      .meta("llama.context_length", shape.n_ctx)
      .meta("llama.embedding_length", shape.n_embd)
      .meta("llama.feed_forward_length", shape.n_ff)
      .meta("llama.attention.head_count", shape.n_heads)
      .meta("llama.attention.head_count_kv", shape.n_kv_heads)
      .meta("llama.attention.layer_norm_rms_epsilon", 1e-5f)
      .meta("llama.rope.dimension_count", shape.n_embd / shape.n_heads)
      .meta("llama.rope.freq_base", 10000.0f);

  std::vector<std::string> tokens = byte_level_alphabet();
  std::vector<std::int32_t> types(tokens.size(), 1);
  for (const char* text : {"he", "ll", "llo", "hello"}) {
    tokens.push_back(text);
    types.push_back(1);
  }
  for (const char* text : {"<s>", "</s>"}) {
    tokens.push_back(text);
    types.push_back(3);
  }
  const auto n_vocab = static_cast<std::int64_t>(tokens.size());
  b.meta("llama.vocab_size", static_cast<std::uint32_t>(n_vocab))
      .meta("tokenizer.ggml.model", std::string("gpt2"))
      .meta("tokenizer.ggml.pre", std::string("smollm"))
      .array("tokenizer.ggml.tokens", std::move(tokens))
      .array("tokenizer.ggml.token_type", std::move(types))
      .array("tokenizer.ggml.merges", std::vector<std::string>{"h e", "l l", "ll o", "he llo"})
      .meta("tokenizer.ggml.bos_token_id", std::uint32_t{260})
      .meta("tokenizer.ggml.eos_token_id", std::uint32_t{261})
      .meta("tokenizer.ggml.add_bos_token", false);

  const std::int64_t d = shape.n_embd, ff = shape.n_ff;
  const std::int64_t kv = d / shape.n_heads * shape.n_kv_heads;
  const auto weight = [](std::int64_t n_in) {
    return GgufBuilder::Random{.centre = 0, .scale = 1.7f / std::sqrt(static_cast<float>(n_in))};
  };
  const GgufBuilder::Random norm{.centre = 1, .scale = 0.1f};
  b.random_tensor("token_embd.weight", {d, n_vocab}, {.centre = 0, .scale = 1});
  const auto add_layer = [&](std::uint32_t layer, bool is_idle) {
    const std::string p = "blk." + std::to_string(layer) + ".";
    const auto output = [&](std::int64_t n_in) {
      return is_idle ? GgufBuilder::Random{.centre = 0, .scale = 0} : weight(n_in);
    };
    b.random_tensor(p + "attn_norm.weight", {d}, norm)
        .random_tensor(p + "attn_q.weight", {d, d}, weight(d))
        .random_tensor(p + "attn_k.weight", {d, kv}, weight(d))
        .random_tensor(p + "attn_v.weight", {d, kv}, weight(d))
        .random_tensor(p + "attn_output.weight", {d, d}, output(d))
        .random_tensor(p + "ffn_norm.weight", {d}, norm)
        .random_tensor(p + "ffn_gate.weight", {d, ff}, weight(d))
        .random_tensor(p + "ffn_up.weight", {d, ff}, weight(d))
        .random_tensor(p + "ffn_down.weight", {ff, d}, output(ff));
  };
  for (std::uint32_t layer = 0; layer < shape.n_layers; ++layer) add_layer(layer, false);
  b.random_tensor("output_norm.weight", {d}, norm);
  if (!shape.tied_embeddings) b.random_tensor("output.weight", {d, n_vocab}, weight(d));
  for (std::uint32_t i = 0; i < shape.n_idle_layers; ++i) add_layer(shape.n_layers + i, true);
  return b;
}

}  // namespace slip::test
