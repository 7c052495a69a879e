#include "cli/open_tokenizer.h"

#include <string>
#include <system_error>

#include "formats/gguf.h"
#include "formats/json.h"

namespace slip {
namespace {

Result<std::unique_ptr<Tokenizer>> from_folder(const std::filesystem::path& folder) {
  const std::string vocabulary = SLIP_TRY(read_text(folder / "tokenizer.json"));
  std::string settings;
  const auto settings_path = folder / "tokenizer_config.json";
  std::error_code ignored;
  if (std::filesystem::exists(settings_path, ignored)) {
    settings = SLIP_TRY(read_text(settings_path));
  }
  return Tokenizer::from_hf(vocabulary, settings);
}

Result<std::unique_ptr<Tokenizer>> open_any(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return from_folder(path);
  if (path.extension() == ".json") return Tokenizer::from_hf(SLIP_TRY(read_text(path)));
  return Tokenizer::from_metadata(SLIP_TRY(GgufFile::open(path)).metadata());
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::filesystem::path& path) {
  auto tokenizer = open_any(path);
  if (!tokenizer && tokenizer.error().message.find(path.string()) == std::string::npos) {
    tokenizer.error().message = path.string() + ": " + tokenizer.error().message;
  }
  return tokenizer;
}

}  // namespace slip
