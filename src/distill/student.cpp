#include "distill/student.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>

#include "base/rng.h"
#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "model/config_keys.h"
#include "model/source.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

constexpr double kPi = 3.14159265358979323846;
constexpr std::uint32_t kFileTypeF16 = 1;  // general.file_type, "mostly F16"

Result<> check_supported(const ModelConfig& config, const std::string& path) {
  const auto refuse = [&](const char* what) -> Result<> {
    return fail(ErrorKind::kUnsupported, "{}: distill expected a decoder without {}, got {}", path,
                what, config.family);
  };
  if (config.qk_norm) return refuse("norms of heads");
  if (config.post_norms) return refuse("norms behind attention and FFN");
  if (config.attention_soft_cap != 0 || config.final_soft_cap != 0) return refuse("soft caps");
  if (config.norm_weight_offset != 0 || config.embedding_scale != 1 || config.residual_scale != 1 ||
      config.logit_scale != 1) {
    return refuse("scales of its own");
  }
  if (config.activation != FfnActivation::kSilu) return refuse("an activation other than SiLU");
  for (const LayerRecipe& layer : config.layers) {
    if (layer.window != 0) return refuse("sliding windows");
    if (layer.rope != 0) return refuse("layers with a position embedding of their own");
  }
  return {};
}

// Per-layer arrays without the dropped layers' entries.
MetaValue without_layers(const MetaValue& value, const std::vector<bool>& drops) {
  const auto* array = std::get_if<MetaArray>(&value);
  if (array == nullptr || array->size() != drops.size()) return value;
  return std::visit(
      [&](const auto& items) -> MetaValue {
        std::decay_t<decltype(items)> kept;
        for (std::size_t i = 0; i < items.size(); ++i) {
          if (!drops[i]) kept.push_back(items[i]);
        }
        return MetaArray{std::move(kept)};
      },
      array->items);
}

Result<std::vector<bool>> dropped(std::span<const std::int64_t> drop, int n_layers) {
  std::vector<bool> drops(static_cast<std::size_t>(n_layers));
  for (const std::int64_t layer : drop) {
    if (layer < 0 || layer >= n_layers) {
      return invalid("--drop-layers: expected layers below {}, got {}", n_layers, layer);
    }
    drops[static_cast<std::size_t>(layer)] = true;
  }
  if (std::find(drops.begin(), drops.end(), false) == drops.end()) {
    return invalid("--drop-layers: expected a layer that stays, got all {}", n_layers);
  }
  return drops;
}

// What describes another file than the one to come.
void forget_origin(Metadata& metadata) {
  std::vector<std::string> stale;
  for (const Metadata::Entry& entry : metadata.entries()) {
    for (const char* prefix : {"split.", "quantize.imatrix.", "slipstream."}) {
      if (entry.key.starts_with(prefix)) stale.push_back(entry.key);
    }
  }
  for (const std::string& key : stale) metadata.erase(key);
  metadata.erase("general.quantization_version");
  metadata.set("general.file_type", kFileTypeF16);
}

Result<int> size_of(const std::map<std::string, int, std::less<>>& sizes, const char* name) {
  const auto found = sizes.find(name);
  if (found == sizes.end()) return invalid("--shape: expected {}=NUMBER, got none", name);
  return found->second;
}

Result<std::map<std::string, int, std::less<>>> parse_sizes(std::string_view text) {
  std::map<std::string, int, std::less<>> sizes;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const std::size_t equals = std::min(item.find('='), item.size());
    const std::string_view name = item.substr(0, equals);
    const std::string_view number = item.substr(std::min(equals + 1, item.size()));
    constexpr std::string_view kNames[] = {"layers", "width", "heads", "kv-heads", "ffn"};
    int value = 0;
    const auto end = std::from_chars(number.data(), number.data() + number.size(), value);
    if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames) ||
        end.ec != std::errc() || end.ptr != number.data() + number.size() || value < 1 ||
        value > kMaxWidth) {
      return invalid("--shape: expected {}, got '{}'",
                     "layers=, width=, heads=, kv-heads= and ffn= with a number each", item);
    }
    sizes[std::string(name)] = value;
  }
  return sizes;
}

float normal(std::uint64_t seed, std::uint64_t position) {
  // Box and Muller (1958).
  const double radius = std::sqrt(-2 * std::log(1 - random_uniform(seed, 2 * position)));
  return static_cast<float>(radius * std::cos(2 * kPi * random_uniform(seed, 2 * position + 1)));
}

void fill_randomly(Student& student, std::uint64_t seed) {
  std::uint64_t next = 0;
  const float residual = 0.02f / std::sqrt(2.0f * static_cast<float>(student.config.n_layers()));
  for (Parameter& parameter : student.parameters) {
    const bool is_matrix = parameter.shape.size() == 2;
    const bool adds = parameter.name.find("attn_output") != std::string::npos ||
                      parameter.name.find("ffn_down") != std::string::npos;
    std::int64_t n = 1;
    for (const std::int64_t size : parameter.shape) n *= size;
    parameter.values.assign(static_cast<std::size_t>(n), 1.0f);
    if (!is_matrix) continue;
    for (float& value : parameter.values) value = (adds ? residual : 0.02f) * normal(seed, next++);
  }
}

}  // namespace

std::vector<Parameter> parameter_specs(const ModelConfig& config, bool is_tied) {
  const std::int64_t d = config.d_model;
  std::vector<Parameter> specs = {{"token_embd.weight", {d, config.n_vocab}, {}}};
  for (int i = 0; i < config.n_layers(); ++i) {
    const LayerRecipe& layer = config.layers[static_cast<std::size_t>(i)];
    const std::int64_t q = static_cast<std::int64_t>(layer.n_heads) * layer.head_dim;
    const std::int64_t kv = static_cast<std::int64_t>(layer.n_kv_heads) * layer.head_dim;
    const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
      specs.push_back({fmt::format("blk.{}.{}.weight", i, name), std::move(shape), {}});
    };
    add("attn_norm", {d});
    add("attn_q", {d, q});
    add("attn_k", {d, kv});
    add("attn_v", {d, kv});
    add("attn_output", {q, d});
    add("ffn_norm", {d});
    add("ffn_gate", {d, layer.d_ff});
    add("ffn_up", {d, layer.d_ff});
    add("ffn_down", {layer.d_ff, d});
  }
  specs.push_back({"output_norm.weight", {d}, {}});
  if (!is_tied) specs.push_back({"output.weight", {d, config.n_vocab}, {}});
  return specs;
}

Result<Student> load_student(const fs::path& path, std::span<const std::int64_t> drop) {
  const GgufFile file = SLIP_TRY(GgufFile::open(path));
  const auto source = SLIP_TRY(open_model(path));
  SLIP_TRY(check_supported(source->config(), path.string()));
  Student student{.metadata = file.metadata(), .config = source->config(), .parameters = {}};
  const int n_layers = student.config.n_layers();
  const std::vector<bool> drops = SLIP_TRY(dropped(drop, n_layers));

  std::vector<int> origin;  // of each layer that stays
  student.config.layers.clear();
  for (int i = 0; i < n_layers; ++i) {
    if (drops[static_cast<std::size_t>(i)]) continue;
    origin.push_back(i);
    student.config.layers.push_back(source->config().layers[static_cast<std::size_t>(i)]);
  }
  const std::string prefix = SLIP_TRY(file.metadata().string("general.architecture")) + ".";
  for (const Metadata::Entry& entry : file.metadata().entries()) {
    if (entry.key.starts_with(prefix)) {
      student.metadata.set(entry.key, without_layers(entry.value, drops));
    }
  }
  student.metadata.set(prefix + "block_count", static_cast<std::uint32_t>(origin.size()));
  forget_origin(student.metadata);

  const bool is_tied = source->find("output.weight") == nullptr;
  student.parameters = parameter_specs(source->config(), is_tied);
  for (const TensorView& tensor : file.tensors()) {
    const auto known = [&](const Parameter& p) { return p.name == tensor.name; };
    if (tensor.name == "rope_freqs.weight" ||
        std::any_of(student.parameters.begin(), student.parameters.end(), known)) {
      continue;
    }
    return fail(ErrorKind::kUnsupported, "{}: distill expected no tensor {}", path.string(),
                tensor.name);
  }
  student.parameters = parameter_specs(student.config, is_tied);
  for (Parameter& parameter : student.parameters) {
    std::string name = parameter.name;
    if (name.starts_with("blk.")) {
      const std::size_t dot = name.find('.', 4);
      const int layer = std::stoi(name.substr(4, dot - 4));
      name = fmt::format("blk.{}{}", origin[static_cast<std::size_t>(layer)], name.substr(dot));
    }
    const TensorView& tensor = *SLIP_TRY(source->require(name));
    parameter.values.resize(static_cast<std::size_t>(tensor.n_elements()));
    for (std::int64_t row = 0; row < tensor.n_rows(); ++row) {
      decode_row(tensor.dtype, tensor.row(row), tensor.n_cols(),
                 parameter.values.data() + row * tensor.n_cols());
    }
  }
  return student;
}

Result<Student> random_student(const fs::path& vocabulary, std::string_view shape,
                               std::uint64_t seed) {
  const GgufFile file = SLIP_TRY(GgufFile::open(vocabulary));
  const auto source = SLIP_TRY(open_model(vocabulary));
  SLIP_TRY(check_supported(source->config(), vocabulary.string()));
  const auto sizes = SLIP_TRY(parse_sizes(shape));
  const int n_layers = SLIP_TRY(size_of(sizes, "layers"));
  const int width = SLIP_TRY(size_of(sizes, "width"));
  const int n_heads = SLIP_TRY(size_of(sizes, "heads"));
  const int n_kv_heads = SLIP_TRY(size_of(sizes, "kv-heads"));
  const int d_ff = SLIP_TRY(size_of(sizes, "ffn"));
  if (n_layers > kMaxLayers || n_heads > kMaxHeads || n_heads % n_kv_heads != 0 ||
      width % (2 * n_heads) != 0) {
    return invalid(
        "--shape: expected heads that kv-heads divides and whose even size divides the "
        "width, got '{}'",
        shape);
  }
  Student student{.metadata = file.metadata(), .config = source->config(), .parameters = {}};
  const int head_dim = width / n_heads;
  ModelConfig& config = student.config;
  config.d_model = width;
  config.layers.assign(
      static_cast<std::size_t>(n_layers),
      {.n_heads = n_heads, .n_kv_heads = n_kv_heads, .head_dim = head_dim, .d_ff = d_ff});
  config.attention_scale = 0;
  RopeSpec& rope = config.ropes[0];
  const RopeSpec old = std::move(rope);
  rope = RopeSpec();
  rope.theta = old.theta;
  rope.n_rot = head_dim;
  rope.interleaved = old.interleaved;
  const std::string prefix = SLIP_TRY(file.metadata().string("general.architecture")) + ".";
  Metadata& metadata = student.metadata;
  for (const char* key : {"attention.key_length", "attention.value_length", "attention.scale"}) {
    metadata.erase(prefix + key);
  }
  for (const Metadata::Entry& entry : file.metadata().entries()) {
    if (entry.key.starts_with(prefix + "rope.")) metadata.erase(entry.key);
  }
  const auto set = [&](const char* key, int value) {
    metadata.set(prefix + key, static_cast<std::uint32_t>(value));
  };
  set("block_count", n_layers);
  set("embedding_length", width);
  set("attention.head_count", n_heads);
  set("attention.head_count_kv", n_kv_heads);
  set("feed_forward_length", d_ff);
  set("rope.dimension_count", head_dim);
  metadata.set(prefix + "rope.freq_base", static_cast<float>(rope.theta));
  forget_origin(metadata);
  student.parameters = parameter_specs(config, true);
  fill_randomly(student, seed);
  return student;
}

Result<> write_student(const Student& student, const fs::path& path) {
  std::vector<GgufTensorSpec> specs;
  for (const Parameter& parameter : student.parameters) {
    const DType type = parameter.shape.size() == 2 ? DType::kF16 : DType::kF32;
    specs.push_back({parameter.name, type, parameter.shape, std::nullopt});
  }
  const std::vector<float>& factors = student.config.ropes[0].freq_factors;
  if (!factors.empty()) {
    const auto n = static_cast<std::int64_t>(factors.size());
    specs.push_back({"rope_freqs.weight", DType::kF32, {n}, std::nullopt});
  }
  GgufWriter writer = SLIP_TRY(GgufWriter::create(path, student.metadata, specs));
  std::vector<std::byte> row;
  for (const Parameter& parameter : student.parameters) {
    const DType type = parameter.shape.size() == 2 ? DType::kF16 : DType::kF32;
    const std::int64_t n_cols = parameter.shape[0];
    row.resize(static_cast<std::size_t>(n_cols * dtype_info(type).block_bytes));
    const auto n = static_cast<std::int64_t>(parameter.values.size());
    for (std::int64_t at = 0; at < n; at += n_cols) {
      for (std::int64_t i = at; i < at + n_cols; ++i) {
        const float value = parameter.values[static_cast<std::size_t>(i)];
        if (std::abs(value) <= 65504.0f) continue;
        return invalid("tensor {}: expected weights that F16 holds, got {}", parameter.name, value);
      }
      SLIP_TRY(encode_row(type, parameter.values.data() + at, n_cols, row.data()));
      SLIP_TRY(writer.append(row));
    }
  }
  if (!factors.empty()) SLIP_TRY(writer.append(std::as_bytes(std::span(factors))));
  return writer.finish();
}

}  // namespace slip
