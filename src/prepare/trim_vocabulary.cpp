#include "prepare/trim_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_map>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "text/utf8.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMergesKey = "tokenizer.ggml.merges";
constexpr std::array kTokenArrays{"tokenizer.ggml.tokens", "tokenizer.ggml.scores",
                                  "tokenizer.ggml.token_type"};
// Tensors whose last dimension is the vocabulary.
constexpr std::array<std::string_view, 4> kTokenTensors{
    "token_embd.weight", "output.weight", "output.bias", "per_layer_token_embd.weight"};

// A pair of tokens that becomes one.
struct Merge {
  int left = 0, right = 0;
};

// Of the keys that name a token: it stays, whatever its kind.
bool is_token_id(const std::string& key) {
  return key.starts_with("tokenizer.ggml.") && key.ends_with("_token_id");
}

class Selection {
 public:
  Selection(const Tokenizer& tokenizer, std::vector<std::string> names)
      : tokenizer_(tokenizer), names_(std::move(names)), kept_(names_.size()) {
    for (std::size_t id = 0; id < names_.size(); ++id) ids_.emplace(names_[id], id);
  }

  // Lists that say how a token is made; without one every pair of tokens is a merge.
  void set_merges(const std::vector<std::string>& merges) {
    has_merges_ = true;
    for (const std::string& text : merges) {
      const auto merge = parse(text);
      if (!merge) continue;
      const auto made = ids_.find(names_[index(merge->left)] + names_[index(merge->right)]);
      if (made != ids_.end()) merges_[made->second].push_back(*merge);
    }
  }

  void keep(const std::vector<bool>& used) {
    std::vector<int> open;
    const auto add = [&](int id) {
      if (kept_[index(id)]) return;
      kept_[index(id)] = true;
      open.push_back(id);
    };
    for (int id = 0; id < static_cast<int>(names_.size()); ++id) {
      if (used[index(id)] || stays(id)) add(id);
    }
    while (!open.empty()) {
      const int id = open.back();
      open.pop_back();
      for (const Merge& merge : merges_of(id)) {
        add(merge.left);
        add(merge.right);
      }
    }
  }

  bool has(int id) const { return kept_[index(id)]; }
  // Whether the merge can still happen.
  bool has_merge(const std::string& text) const {
    const auto merge = parse(text);
    if (!merge || !has(merge->left) || !has(merge->right)) return false;
    const auto made = ids_.find(names_[index(merge->left)] + names_[index(merge->right)]);
    return made != ids_.end() && kept_[made->second];
  }
  std::vector<std::int64_t> ids() const {
    std::vector<std::int64_t> ids;
    for (std::size_t id = 0; id < kept_.size(); ++id) {
      if (kept_[id]) ids.push_back(static_cast<std::int64_t>(id));
    }
    return ids;
  }

 private:
  static std::size_t index(int id) { return static_cast<std::size_t>(id); }

  bool stays(int id) const {
    const TokenKind kind = tokenizer_.token_kind(id);
    const bool is_text = kind == TokenKind::kNormal || kind == TokenKind::kUnused;
    return !is_text || tokenizer_.token_bytes(id).size() == 1;
  }

  // "left right"; a part may begin with the space itself.
  std::optional<Merge> parse(const std::string& text) const {
    const std::size_t space = text.find(' ', 1);
    if (space == std::string::npos) return std::nullopt;
    const auto left = ids_.find(text.substr(0, space));
    const auto right = ids_.find(text.substr(space + 1));
    if (left == ids_.end() || right == ids_.end()) return std::nullopt;
    return Merge{static_cast<int>(left->second), static_cast<int>(right->second)};
  }

  std::vector<Merge> merges_of(int id) const {
    if (has_merges_) {
      const auto found = merges_.find(index(id));
      return found == merges_.end() ? std::vector<Merge>() : found->second;
    }
    std::vector<Merge> merges;
    const std::string& name = names_[index(id)];
    for (std::size_t cut = 1; cut < name.size(); ++cut) {
      if (!utf8_starts_char(name[cut])) continue;
      const auto left = ids_.find(name.substr(0, cut)), right = ids_.find(name.substr(cut));
      if (left == ids_.end() || right == ids_.end()) continue;
      merges.push_back({static_cast<int>(left->second), static_cast<int>(right->second)});
    }
    return merges;
  }

  const Tokenizer& tokenizer_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> ids_;
  std::unordered_map<std::size_t, std::vector<Merge>> merges_;  // by what they make
  std::vector<bool> kept_;
  bool has_merges_ = false;
};

Result<Selection> select_tokens(const Metadata& metadata, const Tokenizer& tokenizer,
                                const std::vector<bool>& used) {
  const std::string model = SLIP_TRY(metadata.string("tokenizer.ggml.model"));
  if (model != "gpt2" && model != "gemma4" && model != "llama") {
    return fail(ErrorKind::kUnsupported,
                "tokenizer.ggml.model: expected gpt2, gemma4 or llama, got {}", model);
  }
  if (used.size() != static_cast<std::size_t>(tokenizer.n_vocab())) {
    return invalid("used tokens: expected {}, got {}", tokenizer.n_vocab(), used.size());
  }
  Selection selection(tokenizer, SLIP_TRY(metadata.strings(kTokenArrays[0])));
  if (metadata.contains(kMergesKey)) {
    selection.set_merges(SLIP_TRY(metadata.strings(kMergesKey)));
  }
  std::vector<bool> wanted = used;
  for (const Metadata::Entry& entry : metadata.entries()) {
    if (!is_token_id(entry.key)) continue;
    const std::int64_t id = SLIP_TRY(metadata.integer(entry.key));
    if (id >= 0 && id < tokenizer.n_vocab()) wanted[static_cast<std::size_t>(id)] = true;
  }
  selection.keep(wanted);
  return selection;
}

MetaArray only(const MetaArray& array, const std::vector<std::int64_t>& ids) {
  return std::visit(
      [&ids](const auto& items) {
        std::remove_cv_t<std::remove_reference_t<decltype(items)>> kept;
        for (const std::int64_t id : ids) kept.push_back(items[static_cast<std::size_t>(id)]);
        return MetaArray{std::move(kept)};
      },
      array.items);
}

// The id after trimming; one that is no token stays as it is.
std::uint32_t new_id(const std::vector<std::int64_t>& ids, std::int64_t id) {
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  const bool is_token = place != ids.end() && *place == id;
  return static_cast<std::uint32_t>(is_token ? place - ids.begin() : id);
}

Result<Metadata> trimmed_metadata(const GgufFile& model, const Tokenizer& tokenizer,
                                  const Selection& selection) {
  Metadata metadata = model.metadata();
  const std::vector<std::int64_t> ids = selection.ids();
  for (const char* key : kTokenArrays) {
    if (const MetaValue* value = metadata.find(key)) {
      metadata.set(key, only(std::get<MetaArray>(*value), ids));
    }
  }
  if (metadata.contains(kMergesKey)) {
    std::vector<std::string> merges = SLIP_TRY(metadata.strings(kMergesKey));
    std::erase_if(merges, [&](const std::string& text) { return !selection.has_merge(text); });
    metadata.set(kMergesKey, MetaArray{std::move(merges)});
  }
  // Those that the file leaves open are where readers assume them, in the whole vocabulary.
  const auto set_default = [&metadata](const char* key, int id) {
    if (id >= 0) metadata.set(key, static_cast<std::uint32_t>(id));
  };
  set_default("tokenizer.ggml.bos_token_id", tokenizer.bos_id());
  set_default("tokenizer.ggml.eos_token_id", tokenizer.eos_id());
  set_default("tokenizer.ggml.unknown_token_id", tokenizer.unknown_id());
  set_default("tokenizer.ggml.padding_token_id", tokenizer.pad_id());
  std::vector<std::string> id_keys, stale;
  for (const Metadata::Entry& entry : metadata.entries()) {
    const std::string& key = entry.key;
    if (is_token_id(key)) id_keys.push_back(key);
    const bool is_of_the_whole =
        key.starts_with("split.") || key.starts_with("slipstream.quality.");
    if (is_of_the_whole || key == "tokenizer.huggingface.json") stale.push_back(key);
  }
  for (const std::string& key : id_keys) {
    metadata.set(key, new_id(ids, SLIP_TRY(metadata.integer(key))));
  }
  for (const std::string& key : stale) metadata.erase(key);
  const std::string size_key = SLIP_TRY(metadata.string("general.architecture")) + ".vocab_size";
  if (metadata.contains(size_key)) {
    metadata.set(size_key, static_cast<std::uint32_t>(ids.size()));
  }
  metadata.set("slipstream.trim_vocab.parent", model.shards().front().path.filename().string());
  metadata.set("slipstream.trim_vocab.parent_tokens",
               static_cast<std::uint32_t>(tokenizer.n_vocab()));
  return metadata;
}

bool is_per_token(const TensorView& tensor) {
  return std::find(kTokenTensors.begin(), kTokenTensors.end(), tensor.name) != kTokenTensors.end();
}

// Bytes of a token's row (of its element, in a vector).
std::int64_t token_bytes(const TensorView& tensor) {
  return static_cast<std::int64_t>(tensor.bytes.size()) / tensor.shape.back();
}

Result<std::vector<GgufTensorSpec>> plan_tensors(const GgufFile& model, std::int64_t n_before,
                                                 std::int64_t n_after) {
  std::vector<GgufTensorSpec> specs;
  for (const TensorView& tensor : model.tensors()) {
    GgufTensorSpec spec{tensor.name, tensor.dtype, tensor.shape, std::nullopt};
    if (is_per_token(tensor)) {
      const bool is_plain = dtype_info(tensor.dtype).block_size == 1;
      if (spec.shape.back() < n_before || (spec.shape.size() == 1 && !is_plain)) {
        return invalid("tensor {}: expected a row for each of {} tokens, got {}", tensor.name,
                       n_before, spec.shape.back());
      }
      spec.shape.back() = n_after;
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace

Result<TrimReport> trim_vocabulary(const fs::path& source, const fs::path& target,
                                   const std::vector<bool>& used, Existing existing) {
  const GgufFile model = SLIP_TRY(GgufFile::open(source));
  SLIP_TRY(check_target(model, target, existing));
  const auto tokenizer = SLIP_TRY(Tokenizer::from_metadata(model.metadata()));
  const Selection selection = SLIP_TRY(select_tokens(model.metadata(), *tokenizer, used));
  const std::vector<std::int64_t> ids = selection.ids();
  const auto n_after = static_cast<std::int64_t>(ids.size());
  const Metadata metadata = SLIP_TRY(trimmed_metadata(model, *tokenizer, selection));
  const auto specs = SLIP_TRY(plan_tensors(model, tokenizer->n_vocab(), n_after));

  GgufWriter writer = SLIP_TRY(GgufWriter::create(target, metadata, specs));
  for (const TensorView& tensor : model.tensors()) {
    if (!is_per_token(tensor)) {
      SLIP_TRY(writer.append(tensor.bytes));
      continue;
    }
    const auto size = static_cast<std::size_t>(token_bytes(tensor));
    for (const std::int64_t id : ids) {
      SLIP_TRY(writer.append(tensor.bytes.subspan(static_cast<std::size_t>(id) * size, size)));
    }
  }
  SLIP_TRY(writer.finish());

  TrimReport report{.n_tokens_before = tokenizer->n_vocab(),
                    .n_tokens_used = std::count(used.begin(), used.end(), true),
                    .n_tokens_after = n_after};
  for (const MappedFile& mapping : model.mappings()) report.bytes_before += mapping.bytes().size();
  report.bytes_after = SLIP_TRY(MappedFile::open(target)).bytes().size();
  return report;
}

}  // namespace slip
