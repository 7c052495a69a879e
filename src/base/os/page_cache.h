// The system's cache of file contents.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace slip {

// Asks the system to forget what it has cached of a file, or of all files of a folder, so that the
// next reader sees a cold start. Pages that a process has mapped stay. False when it can't be done.
bool drop_page_cache(const std::filesystem::path& path);

// For a mapped file that is read all over, again and again: asks the system to read and map it in
// its largest pages, where the file system has them.
void prefer_huge_pages(std::span<const std::byte> mapping);

}  // namespace slip
