// The messages of a chat, and the file that keeps them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chat_prompt.h"

namespace slip {

// As JSON: {"model": …, "messages": [{"role": …, "content": …}, …]}. The file appears whole or not
// at all.
Result<> save_conversation(const std::filesystem::path& path, const std::string& model,
                           const std::vector<Message>& messages);

// Errors: kNotFound, kIo; kInvalid, naming file and key, for anything else than such a file.
Result<std::vector<Message>> load_conversation(const std::filesystem::path& path);

}  // namespace slip
