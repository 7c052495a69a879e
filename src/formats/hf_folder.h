// A model as Hugging Face lays it out: a folder of JSON files and safetensors.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/json.h"
#include "formats/safetensors.h"

namespace slip {

enum class HfContent {
  kAll,
  kNoTensors,  // configuration and vocabulary only: the weights need not be there
};

// What the folder holds, read but not interpreted: that is the model families' business.
// Small files are parsed when opened; tokenizer.json is read when asked for; tensors are mapped.
// Immutable, so safe to read from any thread; movable.
class HfFolder {
 public:
  // config.json must be there and hold an object, and, for kAll, the weights (SafetensorsModel).
  // Every message names the file. Errors: kNotFound, kIo, kInvalid, kUnsupported.
  static Result<HfFolder> open(const std::filesystem::path& dir,
                               HfContent content = HfContent::kAll);
  // Whether `path` looks like such a folder: a directory with a config.json.
  static bool is_folder(const std::filesystem::path& path);

  HfFolder(HfFolder&&) noexcept;
  HfFolder& operator=(HfFolder&&) noexcept;
  ~HfFolder();

  const std::filesystem::path& path() const { return path_; }

  const boost::json::object& config() const { return *object("config.json"); }
  JsonView config_view() const { return JsonView(config(), "config.json"); }
  // Null when the folder lacks the file.
  const boost::json::object* generation_config() const { return object("generation_config.json"); }
  const boost::json::object* tokenizer_config() const { return object("tokenizer_config.json"); }
  const boost::json::object* special_tokens_map() const {
    return object("special_tokens_map.json");
  }

  // Files with a tokenizer, as text. kNotFound when absent.
  bool has_file(std::string_view name) const;
  Result<std::string> text(std::string_view name) const;
  Result<std::string> tokenizer_json() const { return text("tokenizer.json"); }

  // Name → template; "default" is the one to use when nothing else is asked for. Empty when the
  // model has none. From chat_template.jinja with additional_chat_templates/*.jinja, else
  // chat_template.json, else tokenizer_config.json.
  Result<std::map<std::string, std::string>> chat_templates() const;

  const std::vector<TensorView>& tensors() const { return weights_.tensors(); }
  const std::vector<OpaqueTensor>& others() const { return weights_.others(); }
  const TensorView* find(std::string_view name) const { return weights_.find(name); }
  // Where the bytes of one of these tensors begin in its file; nothing for other bytes.
  std::optional<std::int64_t> offset(std::span<const std::byte> bytes) const {
    return weights_.offset(bytes);
  }
  const std::vector<std::filesystem::path>& weight_files() const { return weights_.files(); }
  std::vector<const MappedFile*> mappings() const { return weights_.mappings(); }

 private:
  HfFolder();
  Result<> read_object(const char* name);
  const boost::json::object* object(std::string_view name) const;

  std::filesystem::path path_;
  std::map<std::string, std::unique_ptr<boost::json::object>, std::less<>> objects_;
  SafetensorsModel weights_;
};

}  // namespace slip
