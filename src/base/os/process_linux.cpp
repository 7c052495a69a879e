#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/os/process.h"

namespace slip {

Result<> replace_process(const std::filesystem::path& program,
                         const std::vector<std::string>& arguments) {
  std::string name = program.string();
  std::vector<std::string> words = arguments;
  std::vector<char*> argv = {name.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(name.c_str(), argv.data());
  return fail(ErrorKind::kIo, "{}: {}", name, std::strerror(errno));
}

}  // namespace slip
