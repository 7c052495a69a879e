// From the tensor names of Hugging Face checkpoints to the canonical ones (source.h).
#pragma once

#include <string>
#include <string_view>

#include "model/families/family.h"

namespace slip {

// The canonical name of a checkpoint's tensor, or "" for one that is no part of the decoder (vision
// towers, RoPE tables). A tensor of a decoder layer that the family doesn't name keeps its own name
// below "blk.N.", so that check_tensors can complain about it.
std::string canonical_name(const Family& family, std::string_view hf_name);

}  // namespace slip
