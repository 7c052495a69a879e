#include "compress/prune/cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <unordered_map>

#include "model/families/family.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

using Indices = std::vector<std::int64_t>;

std::vector<int> all_of(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Elements of heads of `size`, from `begin` on.
void add_elements(Indices& out, const std::vector<int>& heads, std::int64_t size,
                  std::int64_t begin) {
  for (const int head : heads) {
    for (std::int64_t i = 0; i < size; ++i) out.push_back(begin + head * size + i);
  }
}

// "blk.3.attn_q.weight" as layer 3, stem "attn_q" and kind "weight".
struct LayerTensor {
  int layer = 0;
  std::string_view rest, stem;
};

std::optional<LayerTensor> layer_tensor(std::string_view name) {
  if (!name.starts_with("blk.")) return std::nullopt;
  LayerTensor tensor;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + 4, end, tensor.layer);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.') return std::nullopt;
  tensor.rest = {parsed.ptr + 1, static_cast<std::size_t>(end - parsed.ptr - 1)};
  tensor.stem = tensor.rest.substr(0, tensor.rest.rfind('.'));
  return tensor;
}

// What stays of the features that a matrix puts out, and of those that it takes in.
struct Features {
  std::optional<Indices> out, in;
};

Features features(std::string_view stem, const LayerRecipe& recipe, const LayerCut& cut,
                  bool is_fused_ffn) {
  Features kept;
  const std::int64_t head_dim = recipe.head_dim;
  const auto heads = [&](std::optional<Indices>& out, const std::vector<int>& which,
                         std::int64_t begin) {
    add_elements(out ? *out : out.emplace(), which, head_dim, begin);
  };
  const bool cuts_heads = static_cast<int>(cut.heads.size()) != recipe.n_heads;
  if (cuts_heads && stem == "attn_q") heads(kept.out, cut.heads, 0);
  if (cuts_heads && (stem == "attn_k" || stem == "attn_v")) heads(kept.out, cut.kv_heads, 0);
  if (cuts_heads && stem == "attn_output") heads(kept.in, cut.heads, 0);
  if (cuts_heads && stem == "attn_qkv") {
    heads(kept.out, cut.heads, 0);
    heads(kept.out, cut.kv_heads, recipe.n_heads * head_dim);
    heads(kept.out, cut.kv_heads, (recipe.n_heads + recipe.n_kv_heads) * head_dim);
  }
  if (static_cast<int>(cut.channels.size()) == recipe.d_ff) return kept;
  if (stem == "ffn_gate" || stem == "ffn_up") {
    add_elements(kept.out.emplace(), cut.channels, 1, 0);
    if (is_fused_ffn) add_elements(*kept.out, cut.channels, 1, recipe.d_ff);
  }
  if (stem == "ffn_down") add_elements(kept.in.emplace(), cut.channels, 1, 0);
  return kept;
}

// Of layers that all have the same, one number.
void set_sizes(Metadata& metadata, const std::string& key,
               const std::vector<std::uint32_t>& sizes) {
  if (std::adjacent_find(sizes.begin(), sizes.end(), std::not_equal_to<>()) == sizes.end()) {
    metadata.set(key, sizes.front());
  } else {
    metadata.set(key, MetaArray{sizes});
  }
}

Result<> check_same_layers(const Metadata& metadata, const ModelConfig& before,
                           const std::vector<LayerCut>& layers) {
  const std::string architecture = SLIP_TRY(metadata.string("general.architecture"));
  const Family* family = SLIP_TRY(family_of_gguf(architecture));
  const ModelConfig after = SLIP_TRY(family->from_gguf(metadata));
  bool same = after.n_layers() == static_cast<int>(layers.size()) &&
              after.attention_scale == before.attention_scale;
  for (std::size_t i = 0; same && i < layers.size(); ++i) {
    const LayerRecipe& was = before.layers[static_cast<std::size_t>(layers[i].layer)];
    const LayerRecipe& is = after.layers[i];
    same = is.window == was.window && is.rope == was.rope && is.head_dim == was.head_dim;
  }
  if (same) return {};
  return fail(ErrorKind::kUnsupported,
              "prune: expected layers that mean the same wherever they stand, got family {}, whose "
              "windows or scales follow from what would be left out",
              before.family);
}

}  // namespace

std::vector<LayerCut> whole_model(const ModelConfig& config) {
  std::vector<LayerCut> layers;
  for (int i = 0; i < config.n_layers(); ++i) {
    const LayerRecipe& recipe = config.layers[static_cast<std::size_t>(i)];
    layers.push_back({.layer = i,
                      .heads = all_of(recipe.n_heads),
                      .kv_heads = all_of(recipe.n_kv_heads),
                      .channels = all_of(recipe.d_ff)});
  }
  return layers;
}

std::int64_t TensorCut::n_rows() const {
  return rows ? static_cast<std::int64_t>(rows->size()) : source->n_rows();
}
std::int64_t TensorCut::n_cols() const {
  return cols ? static_cast<std::int64_t>(cols->size()) : source->n_cols();
}

std::vector<std::int64_t> TensorCut::shape() const {
  std::vector<std::int64_t> shape = source->shape;
  if (cols) shape[0] = n_cols();
  if (rows) shape[1] = n_rows();
  return shape;
}

bool TensorCut::is_layer_matrix() const {
  return source->n_rows() > 1 && name.starts_with("blk.") && name.ends_with(".weight");
}

void TensorCut::decode(std::int64_t i, std::vector<float>& whole, float* out) const {
  const std::byte* row = source->row(rows ? (*rows)[static_cast<std::size_t>(i)] : i);
  if (!cols) {
    decode_row(source->dtype, row, source->n_cols(), out);
    return;
  }
  whole.resize(static_cast<std::size_t>(source->n_cols()));
  decode_row(source->dtype, row, source->n_cols(), whole.data());
  for (std::size_t j = 0; j < cols->size(); ++j) {
    out[j] = whole[static_cast<std::size_t>((*cols)[j])];
  }
  if (repair != nullptr) repair->apply(whole, {out, cols->size()});
}

std::vector<TensorCut> cut_tensors(const GgufFile& source, const ModelConfig& config,
                                   const std::vector<LayerCut>& layers) {
  std::unordered_map<int, int> place;  // of a layer of the source
  for (std::size_t i = 0; i < layers.size(); ++i) place[layers[i].layer] = static_cast<int>(i);
  std::vector<TensorCut> cuts;
  for (const TensorView& tensor : source.tensors()) {
    const auto parts = layer_tensor(tensor.name);
    if (!parts) {
      cuts.push_back({.source = &tensor, .name = tensor.name, .rows = {}, .cols = {}});
      continue;
    }
    const auto at = place.find(parts->layer);
    if (at == place.end()) continue;
    const LayerRecipe& recipe = config.layers[static_cast<std::size_t>(parts->layer)];
    const bool is_fused =
        source.find(fmt::format("blk.{}.ffn_gate.weight", parts->layer)) == nullptr;
    Features kept =
        features(parts->stem, recipe, layers[static_cast<std::size_t>(at->second)], is_fused);
    TensorCut cut{.source = &tensor,
                  .name = fmt::format("blk.{}.{}", at->second, parts->rest),
                  .rows = {},
                  .cols = {}};
    if (parts->rest.ends_with(".weight")) {
      cut.rows = std::move(kept.out);
      cut.cols = std::move(kept.in);
    } else {
      cut.cols = std::move(kept.out);  // a bias is a row of what comes out
    }
    cuts.push_back(std::move(cut));
  }
  return cuts;
}

Result<Metadata> cut_metadata(const Metadata& source, const ModelConfig& config,
                              const std::vector<LayerCut>& layers) {
  Metadata metadata = source;
  const std::string prefix = SLIP_TRY(source.string("general.architecture")) + ".";
  std::vector<std::uint32_t> heads, kv_heads, widths;
  std::vector<bool> slides;
  for (const LayerCut& cut : layers) {
    heads.push_back(static_cast<std::uint32_t>(cut.heads.size()));
    kv_heads.push_back(static_cast<std::uint32_t>(cut.kv_heads.size()));
    widths.push_back(static_cast<std::uint32_t>(cut.channels.size()));
    slides.push_back(config.layers[static_cast<std::size_t>(cut.layer)].window > 0);
  }
  metadata.set(prefix + "block_count", static_cast<std::uint32_t>(layers.size()));
  set_sizes(metadata, prefix + "feed_forward_length", widths);
  set_sizes(metadata, prefix + "attention.head_count", heads);
  set_sizes(metadata, prefix + "attention.head_count_kv", kv_heads);
  const bool cuts_heads = std::any_of(layers.begin(), layers.end(), [&](const LayerCut& cut) {
    return static_cast<int>(cut.heads.size()) !=
           config.layers[static_cast<std::size_t>(cut.layer)].n_heads;
  });
  const auto head_dim = static_cast<std::uint32_t>(config.layers.front().head_dim);
  for (const char* key : {"attention.key_length", "attention.value_length"}) {
    if (cuts_heads) metadata.set(prefix + key, head_dim);
  }
  if (static_cast<int>(layers.size()) < config.n_layers() &&
      std::find(slides.begin(), slides.end(), true) != slides.end()) {
    metadata.set(prefix + "attention.sliding_window_pattern", MetaArray{slides});
  }
  SLIP_TRY(check_same_layers(metadata, config, layers));
  return metadata;
}

}  // namespace slip
