#include "formats/hf_folder.h"

#include <boost/json.hpp>
#include <system_error>
#include <utility>

namespace slip {
namespace {

using Templates = std::map<std::string, std::string>;

// Far above any published template (the longest are 30 kB).
constexpr std::uint64_t kMaxTemplateBytes = 4 << 20;
constexpr std::size_t kMaxTemplates = 64;

// "chat_template": a string, or a list of {"name": …, "template": …}.
Result<Templates> templates_from(const boost::json::object& object, const char* file_name) {
  const JsonView view(object, file_name);
  const boost::json::value* value = view.find("chat_template");
  if (value == nullptr) return Templates{};
  Templates templates;
  if (!value->is_array()) {
    templates["default"] = SLIP_TRY(view.string("chat_template"));
    return templates;
  }
  for (const JsonView& entry : SLIP_TRY(view.objects("chat_template"))) {
    std::string name = SLIP_TRY(entry.string("name"));
    templates[std::move(name)] = SLIP_TRY(entry.string("template"));
  }
  return templates;
}

}  // namespace

HfFolder::HfFolder() = default;
HfFolder::HfFolder(HfFolder&&) noexcept = default;
HfFolder& HfFolder::operator=(HfFolder&&) noexcept = default;
HfFolder::~HfFolder() = default;

bool HfFolder::is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) &&
         std::filesystem::exists(path / "config.json", ignored);
}

Result<HfFolder> HfFolder::open(const std::filesystem::path& dir, HfContent content) {
  HfFolder folder;
  folder.path_ = dir;
  SLIP_TRY(folder.read_object("config.json"));
  for (const char* name :
       {"generation_config.json", "tokenizer_config.json", "special_tokens_map.json"}) {
    if (folder.has_file(name)) SLIP_TRY(folder.read_object(name));
  }
  if (content == HfContent::kAll) folder.weights_ = SLIP_TRY(SafetensorsModel::open(dir));
  return folder;
}

Result<> HfFolder::read_object(const char* name) {
  const auto path = path_ / name;
  boost::json::value value = SLIP_TRY(read_json(path));
  if (!value.is_object()) {
    return invalid("{}: expected an object, got {}", path.string(), json_kind(value));
  }
  objects_[name] = std::make_unique<boost::json::object>(std::move(value.get_object()));
  return {};
}

const boost::json::object* HfFolder::object(std::string_view name) const {
  const auto it = objects_.find(name);
  return it == objects_.end() ? nullptr : it->second.get();
}

bool HfFolder::has_file(std::string_view name) const {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path_ / name, ignored);
}

Result<std::string> HfFolder::text(std::string_view name) const {
  return read_text(path_ / name);
}

Result<Templates> HfFolder::chat_templates() const {
  Templates templates;
  if (has_file("chat_template.jinja")) {
    templates["default"] = SLIP_TRY(read_text(path_ / "chat_template.jinja", kMaxTemplateBytes));
  }
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(path_ / "additional_chat_templates", ignored)) {
    if (entry.path().extension() != ".jinja") continue;
    if (templates.size() >= kMaxTemplates) {
      return fail(ErrorKind::kLimit, "{}: expected at most {} chat templates, got more",
                  entry.path().parent_path().string(), kMaxTemplates);
    }
    templates[entry.path().stem()] = SLIP_TRY(read_text(entry.path(), kMaxTemplateBytes));
  }
  if (!templates.empty()) return templates;
  if (has_file("chat_template.json")) {
    const auto path = path_ / "chat_template.json";
    const boost::json::value value = SLIP_TRY(read_json(path));
    if (!value.is_object()) {
      return invalid("{}: expected an object, got {}", path.string(), json_kind(value));
    }
    return templates_from(value.get_object(), "chat_template.json");
  }
  if (const boost::json::object* config = tokenizer_config()) {
    return templates_from(*config, "tokenizer_config.json");
  }
  return templates;
}

}  // namespace slip
