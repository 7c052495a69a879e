// The system's cache of file contents.
#pragma once

#include <filesystem>

namespace slip {

// Asks the system to forget what it has cached of a file, or of all files of a folder, so that the
// next reader sees a cold start. Pages that a process has mapped stay. False when it can't be done.
bool drop_page_cache(const std::filesystem::path& path);

}  // namespace slip
