#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/families/family.h"

namespace slip {
namespace {

bool names(const std::vector<std::string_view>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// "gemma2, gemma3, llama": the names by which one kind of file knows the families.
std::string known(std::vector<std::string_view> Family::*list) {
  std::string out;
  for (const Family* family : families()) {
    for (const std::string_view name : family->*list) {
      out += fmt::format("{}{}", out.empty() ? "" : ", ", name);
    }
  }
  return out;
}

}  // namespace

Result<const Family*> family_of_gguf(std::string_view architecture) {
  for (const Family* family : families()) {
    if (names(family->gguf_names, architecture)) return family;
  }
  return fail(ErrorKind::kUnsupported, "general.architecture: expected one of {}, got {}",
              known(&Family::gguf_names), architecture);
}

Result<const Family*> family_of_hf(const Metadata& json) {
  std::vector<std::string> wanted;
  if (json.contains("architectures")) wanted = SLIP_TRY(json.strings("architectures"));
  const std::string model_type = SLIP_TRY(json.string_or("model_type", ""));
  // The class decides when there is one: a classifier of a known model_type is no language model.
  if (wanted.empty() && !model_type.empty()) wanted.push_back(model_type);
  for (const Family* family : families()) {
    for (const std::string& name : wanted) {
      if (names(family->hf_names, name)) return family;
    }
  }
  return fail(ErrorKind::kUnsupported, "architectures: expected one of {}, got {}",
              known(&Family::hf_names),
              wanted.empty() ? "neither architectures nor model_type" : wanted.front());
}

void set_windows(ModelConfig& config, int window, const std::vector<bool>& slides) {
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    config.layers[i].window = slides[i] ? window : 0;
  }
}

void set_gemma_traits(ModelConfig& config) {
  config.post_norms = true;
  config.activation = FfnActivation::kGeluTanh;
  // In float, as transformers does for a float32 model and llama.cpp for every file; transformers
  // rounds it to the type that a bfloat16 model runs in.
  config.embedding_scale = std::sqrt(static_cast<float>(config.d_model));
}

}  // namespace slip
