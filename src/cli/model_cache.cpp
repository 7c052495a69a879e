#include "cli/model_cache.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace slip {
namespace {

namespace fs = std::filesystem;

struct Wanted {
  std::string org, repo, quant;
};

fs::path variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path cache_home() {
  const fs::path home = variable("XDG_CACHE_HOME");
  return home.empty() ? variable("HOME") / ".cache" : home;
}

fs::path hugging_face_cache() {
  if (fs::path hub = variable("HF_HUB_CACHE"); !hub.empty()) return hub;
  const fs::path home = variable("HF_HOME");
  return (home.empty() ? cache_home() / "huggingface" : home) / "hub";
}

fs::path llama_cache() {
  const fs::path cache = variable("LLAMA_CACHE");
  return cache.empty() ? cache_home() / "llama.cpp" : cache;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

// "…-Q4_K_M.gguf" and "…-Q4_K_M-00001-of-00002.gguf" are Q4_K_M, and not Q4_K.
bool has_quant(const fs::path& file, const std::string& quant) {
  const std::string name = upper(file.filename().string());
  const auto at = name.rfind(upper(quant));
  if (at == std::string::npos) return false;
  const auto end = at + quant.size();
  return end == name.size() || name[end] == '.' || name[end] == '-';
}

// The models among the files below a folder whose names begin with `prefix`, sorted.
std::vector<fs::path> models_in(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (fs::recursive_directory_iterator it(folder, ignored), end; it != end;
       it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    const bool is_projector = name.find("mmproj") != std::string::npos;
    if (it->path().extension() == ".gguf" && name.rfind(prefix, 0) == 0 && !is_projector) {
      files.push_back(it->path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

fs::path choose(const std::vector<fs::path>& files, const std::string& quant) {
  for (const fs::path& file : files) {
    if (has_quant(file, quant.empty() ? "Q4_K_M" : quant)) return file;
  }
  return quant.empty() && !files.empty() ? files.front() : fs::path();
}

fs::path in_hugging_face_cache(const Wanted& wanted) {
  const fs::path repo = hugging_face_cache() / ("models--" + wanted.org + "--" + wanted.repo);
  std::ifstream ref(repo / "refs/main");
  std::string revision;
  if (!(ref >> revision) || revision.find('/') != std::string::npos) return {};
  const fs::path snapshot = repo / "snapshots" / revision;
  const auto files = models_in(snapshot, "");
  if (!files.empty() || !wanted.quant.empty()) return choose(files, wanted.quant);
  std::error_code ignored;
  return fs::exists(snapshot / "config.json", ignored) ? snapshot : fs::path();
}

}  // namespace

std::string find_model(const std::string& name) {
  const auto slash = name.find('/');
  std::error_code ignored;
  if (slash == 0 || slash == std::string::npos || name[0] == '.' ||
      name.find('/', slash + 1) != std::string::npos || fs::exists(name, ignored)) {
    return name;
  }
  const auto colon = std::min(name.find(':', slash), name.size());
  const Wanted wanted{.org = name.substr(0, slash),
                      .repo = name.substr(slash + 1, colon - slash - 1),
                      .quant = name.substr(std::min(colon + 1, name.size()))};
  fs::path found = in_hugging_face_cache(wanted);
  if (found.empty()) {
    found = choose(models_in(llama_cache(), wanted.org + "_" + wanted.repo + "_"), wanted.quant);
  }
  return found.empty() ? name : found.string();
}

}  // namespace slip
