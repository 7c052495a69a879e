#include "compress/prune/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

// Sums over consecutive parts of `size` elements.
std::vector<double> summed(const std::vector<double>& values, int size) {
  std::vector<double> sums(values.size() / static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i)
    sums[i / static_cast<std::size_t>(size)] += values[i];
  return sums;
}

std::vector<double> rooted(std::vector<double> values) {
  for (double& x : values) x = std::sqrt(x);
  return values;
}

std::vector<double> root_of_product(std::vector<double> a, const std::vector<double>& b) {
  SLIP_CHECK(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
  return rooted(std::move(a));
}

}  // namespace

std::vector<int> largest(const std::vector<double>& values, int n) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(n));
  std::sort(order.begin(), order.end());
  return order;
}

bool Importance::has(int layer, std::string_view stem) const {
  return model_.find(fmt::format("blk.{}.{}.weight", layer, stem)) != nullptr;
}

const TensorView& Importance::tensor(int layer, std::string_view stem) const {
  const TensorView* tensor = model_.find(fmt::format("blk.{}.{}.weight", layer, stem));
  SLIP_CHECK(tensor != nullptr);  // the model was opened, and with it checked
  return *tensor;
}

std::vector<double> Importance::row_squares(const TensorView& tensor, Range rows) const {
  std::vector<double> squares(static_cast<std::size_t>(rows.n));
  pool_.parallel_for(rows.n, 16, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> row(static_cast<std::size_t>(tensor.n_cols()));
    for (std::int64_t i = begin; i < end; ++i) {
      decode_row(tensor.dtype, tensor.row(rows.begin + i), tensor.n_cols(), row.data());
      double sum = 0;
      for (const float x : row) sum += double{x} * double{x};
      squares[static_cast<std::size_t>(i)] = sum;
    }
  });
  return squares;
}

std::vector<double> Importance::column_squares(const TensorView& tensor) const {
  // Parts of the rows, each with sums of its own: their number doesn't follow the threads'.
  constexpr std::int64_t kParts = 16;
  const auto n_cols = static_cast<std::size_t>(tensor.n_cols());
  std::vector<std::vector<double>> parts(kParts, std::vector<double>(n_cols));
  pool_.parallel_for(kParts, 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> row(n_cols);
    for (std::int64_t part = begin; part < end; ++part) {
      std::vector<double>& sums = parts[static_cast<std::size_t>(part)];
      for (std::int64_t i = part; i < tensor.n_rows(); i += kParts) {
        decode_row(tensor.dtype, tensor.row(i), tensor.n_cols(), row.data());
        for (std::size_t j = 0; j < n_cols; ++j) sums[j] += double{row[j]} * double{row[j]};
      }
    }
  });
  for (std::size_t part = 1; part < parts.size(); ++part) {
    for (std::size_t j = 0; j < n_cols; ++j) parts[0][j] += parts[part][j];
  }
  return parts[0];
}

std::vector<double> Importance::added_squares(int layer, std::string_view stem) const {
  const LayerActivations& seen = activations_[static_cast<std::size_t>(layer)];
  std::vector<double> squares = column_squares(tensor(layer, stem));
  const std::vector<double>& inputs = stem == "ffn_down" ? seen.down : seen.o;
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] *= inputs[i];
  return squares;
}

std::vector<double> Importance::channels(int layer) const {
  if (!activations_.empty()) return rooted(added_squares(layer, "ffn_down"));
  const std::int64_t d_ff = recipe(layer).d_ff;
  const TensorView& up = tensor(layer, "ffn_up");
  const bool is_fused = !has(layer, "ffn_gate");  // gate first
  const auto gate = row_squares(is_fused ? up : tensor(layer, "ffn_gate"), {0, d_ff});
  std::vector<double> gates_up = row_squares(up, {is_fused ? d_ff : 0, d_ff});
  for (std::size_t i = 0; i < gates_up.size(); ++i) gates_up[i] *= gate[i];
  return root_of_product(std::move(gates_up), column_squares(tensor(layer, "ffn_down")));
}

std::vector<double> Importance::heads(int layer) const {
  const LayerRecipe& r = recipe(layer);
  if (!activations_.empty()) {
    return rooted(summed(added_squares(layer, "attn_output"), r.head_dim));
  }
  const bool is_fused = has(layer, "attn_qkv");
  const auto q = row_squares(tensor(layer, is_fused ? "attn_qkv" : "attn_q"),
                             {0, std::int64_t{r.n_heads} * r.head_dim});
  return root_of_product(summed(q, r.head_dim),
                         summed(column_squares(tensor(layer, "attn_output")), r.head_dim));
}

std::vector<double> Importance::kv_heads(int layer) const {
  const LayerRecipe& r = recipe(layer);
  const int of_group = r.n_heads / r.n_kv_heads * r.head_dim;
  if (!activations_.empty()) {
    return rooted(summed(added_squares(layer, "attn_output"), of_group));
  }
  const bool is_fused = has(layer, "attn_qkv");
  const std::int64_t begin =
      is_fused ? std::int64_t{r.n_heads + r.n_kv_heads} * r.head_dim : std::int64_t{0};
  const auto v = row_squares(tensor(layer, is_fused ? "attn_qkv" : "attn_v"),
                             {begin, std::int64_t{r.n_kv_heads} * r.head_dim});
  const auto o = column_squares(tensor(layer, "attn_output"));
  return root_of_product(summed(v, r.head_dim), summed(o, of_group));
}

}  // namespace slip
