# Writes a C++ source with the files of a folder as bytes: run by the build (SlipWebFiles.cmake).
#   cmake -DFOLDER=web -DOUT=web_files_data.cpp -P embed_web_files.cmake
cmake_minimum_required(VERSION 3.25)

set(media_type_html "text/html; charset=utf-8")
set(media_type_css "text/css; charset=utf-8")
set(media_type_js "text/javascript; charset=utf-8")
set(media_type_svg "image/svg+xml")

# "Name: value" lines.
file(STRINGS ${FOLDER}/headers.txt lines)
set(headers "")
foreach(line IN LISTS lines)
  string(REGEX MATCH "^([A-Za-z-]+): ([^\"\\\\]+)$" matched "${line}")
  if(NOT matched)
    message(FATAL_ERROR "${FOLDER}/headers.txt: expected \"Name: value\", got \"${line}\"")
  endif()
  string(APPEND headers "    {\"${CMAKE_MATCH_1}\", \"${CMAKE_MATCH_2}\"},\n")
endforeach()

file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*)
list(REMOVE_ITEM files headers.txt)
set(arrays "")
set(entries "")
set(index 0)
foreach(name IN LISTS files)
  get_filename_component(suffix ${name} LAST_EXT)
  string(REPLACE "." "" suffix "${suffix}")
  if(NOT DEFINED media_type_${suffix})
    message(FATAL_ERROR "${FOLDER}/${name}: no media type is known for \"${suffix}\"")
  endif()
  file(READ ${FOLDER}/${name} bytes HEX)
  file(SHA256 ${FOLDER}/${name} hash)
  string(SUBSTRING ${hash} 0 32 etag)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char kFile${index}[] = {${bytes}};\n")
  string(APPEND entries "    {\"/${name}\", \"${media_type_${suffix}}\", \"\\\"${etag}\\\"\", view(kFile${index})},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE ${OUT} "// Generated from the files of web/; see cmake/embed_web_files.cmake.
#include <cstddef>
#include <span>
#include <string_view>

#include \"serve/web_files.h\"

namespace slip {
namespace {

${arrays}
template <std::size_t N>
std::string_view view(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

}  // namespace

std::span<const WebFile> web_files() {
  static const WebFile files[] = {
${entries}  };
  return files;
}

std::span<const WebHeader> web_headers() {
  static constexpr WebHeader headers[] = {
${headers}  };
  return headers;
}

}  // namespace slip
")
