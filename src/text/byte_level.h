// The byte ↔ character code of GPT-2's byte-level BPE (Radford et al. 2019, encoder.py): vocabulary
// files spell every byte as one printable character. Inside the library tokens are plain bytes.
#pragma once

#include <string>
#include <string_view>

namespace slip {

// Appends the bytes which `spelled` stands for. False, with `out` unchanged, when it holds a
// character outside the code.
bool append_byte_level_decoded(std::string& out, std::string_view spelled);

// The printable spelling of bytes.
std::string byte_level_encoded(std::string_view bytes);

}  // namespace slip
