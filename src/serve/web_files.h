// The page that the server shows at "/": the files of web/, which the build puts into the program.
#pragma once

#include <span>
#include <string_view>

namespace slip {

// All views live as long as the program.
struct WebFile {
  std::string_view path;        // "/main.js"
  std::string_view media_type;  // "text/javascript; charset=utf-8"
  std::string_view etag;        // of the content, a strong one, with its quotes
  std::string_view content;
};

struct WebHeader {
  std::string_view name;
  std::string_view value;
};

// Sorted by path.
std::span<const WebFile> web_files();

// What each response with one of the files carries, beside Content-Type and ETag: the
// Content-Security-Policy, which lets the page load scripts, styles and data from this server and
// from nowhere else, and asks caches to come back with the ETag. They are the lines of
// web/headers.txt.
std::span<const WebHeader> web_headers();

// Null when there is no such file. "/" is "/index.html".
const WebFile* find_web_file(std::string_view path);

// Whether a request's If-None-Match names the ETag, or is "*": 304 then does, without a body
// (RFC 9110, section 13.1.2; the comparison is the weak one).
bool matches_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace slip
