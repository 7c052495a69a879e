// Small random decoders, built in memory: for tests that need a model but no file.
#pragma once

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/rng.h"
#include "model/source.h"
#include "quant/quant_format.h"

namespace slip::test {

struct TinyModelOptions {
  DType dtype = DType::kF32;  // of the matrices; embedding and norms are F32
  int n_layers = 2;
  int d_model = 64;
  int n_heads = 4;
  int n_kv_heads = 2;
  int head_dim = 32;
  int d_ff = 96;
  int n_vocab = 100;
  int window = 0;  // of every second layer
  std::uint64_t seed = 1;
};

class TinyModel final : public ModelSource {
 public:
  explicit TinyModel(const TinyModelOptions& o) : o_(o) {
    config_.family = "llama";
    config_.d_model = o.d_model;
    config_.n_vocab = o.n_vocab;
    config_.context_length = 2048;
    config_.ropes.resize(1);
    config_.ropes[0].n_rot = o.head_dim;
    for (int i = 0; i < o.n_layers; ++i) {
      config_.layers.push_back({.n_heads = o.n_heads,
                                .n_kv_heads = o.n_kv_heads,
                                .head_dim = o.head_dim,
                                .d_ff = o.d_ff,
                                .window = i % 2 == 1 ? o.window : 0});
      add_layer("blk." + std::to_string(i) + ".");
    }
    add("token_embd.weight", DType::kF32, o.d_model, o.n_vocab);
    add("output.weight", o.dtype, o.d_model, o.n_vocab);
    add("output_norm.weight", DType::kF32, o.d_model, 1);
  }

  Result<std::unique_ptr<Tokenizer>> make_tokenizer() const override {
    return fail(ErrorKind::kUnsupported, "a tiny model has no tokenizer");
  }
  Result<std::string> chat_template() const override { return std::string(); }

 private:
  void add_layer(const std::string& prefix) {
    const int q = o_.n_heads * o_.head_dim, kv = o_.n_kv_heads * o_.head_dim;
    add(prefix + "attn_norm.weight", DType::kF32, o_.d_model, 1);
    add(prefix + "ffn_norm.weight", DType::kF32, o_.d_model, 1);
    add(prefix + "attn_q.weight", o_.dtype, o_.d_model, q);
    add(prefix + "attn_k.weight", o_.dtype, o_.d_model, kv);
    add(prefix + "attn_v.weight", o_.dtype, o_.d_model, kv);
    add(prefix + "attn_output.weight", o_.dtype, q, o_.d_model);
    add(prefix + "ffn_gate.weight", o_.dtype, o_.d_model, o_.d_ff);
    add(prefix + "ffn_up.weight", o_.dtype, o_.d_model, o_.d_ff);
    add(prefix + "ffn_down.weight", o_.dtype, o_.d_ff, o_.d_model);
  }

  // Roughly normal values: 1 ± 0.1 for norms, standard deviation 1/sqrt(n_cols) for matrices.
  void add(const std::string& name, DType dtype, int n_cols, int n_rows) {
    const std::size_t n = static_cast<std::size_t>(n_cols) * static_cast<std::size_t>(n_rows);
    std::vector<float> values(n);
    const bool is_norm = n_rows == 1;
    const double scale = is_norm ? 0.1 : 1.7 / std::sqrt(n_cols);
    for (float& value : values) {
      double sum = 0;
      for (int j = 0; j < 4; ++j) sum += random_uniform(o_.seed, position_++) - 0.5;
      value = static_cast<float>((is_norm ? 1.0 : 0.0) + sum * scale);
    }
    TensorView view{.name = name, .dtype = dtype, .shape = {n_cols}, .bytes = {}};
    if (!is_norm) view.shape.push_back(n_rows);
    auto& bytes = storage_.emplace_back(std::make_unique<std::vector<std::byte>>(
        static_cast<std::size_t>(view.row_bytes() * n_rows)));
    for (int r = 0; r < n_rows; ++r) {
      const auto encoded =
          encode_row(dtype, values.data() + static_cast<std::ptrdiff_t>(r) * n_cols, n_cols,
                     bytes->data() + r * view.row_bytes());
      if (!encoded) throw std::runtime_error(encoded.error().message);
    }
    view.bytes = *bytes;
    tensors_.emplace(name, std::move(view));
  }

  TinyModelOptions o_;
  std::uint64_t position_ = 0;
  std::vector<std::unique_ptr<std::vector<std::byte>>> storage_;
};

}  // namespace slip::test
