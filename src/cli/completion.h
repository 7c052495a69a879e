// Shell completion, from the commands and options that there are.
#pragma once

#include <string>

namespace slip {

// Scripts to be sourced: 'source <(slipstream completion bash)'.
std::string bash_completion();
std::string zsh_completion();

}  // namespace slip
