// The command that trains.
#pragma once

#include "cli/command.h"

namespace slip {

const Command& distill_command();

}  // namespace slip
