// Models that other programs have downloaded: read, never written.
#pragma once

#include <string>

namespace slip {

// The path of a model that is given as "org/repo" or "org/repo:QUANT" and is no file or folder
// itself: in Hugging Face's cache ($HF_HUB_CACHE, $HF_HOME/hub or ~/.cache/huggingface/hub; layout:
// huggingface.co/docs/huggingface_hub/guides/manage-cache), else in llama.cpp's ($LLAMA_CACHE or
// ~/.cache/llama.cpp, files org_repo_name.gguf). Of several GGUF files the one of the quantisation
// asked for, else Q4_K_M, else the first by name; without any the folder when it has a config.json.
// `name` itself when nothing is found.
std::string find_model(const std::string& name);

}  // namespace slip
