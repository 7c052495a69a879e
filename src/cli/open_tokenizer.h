// A tokenizer without the model around it.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "text/tokenizer.h"

namespace slip {

// From a GGUF file (one with a vocabulary only will do), a folder with tokenizer.json, or that file
// itself. Messages name the path.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::filesystem::path& path);

}  // namespace slip
