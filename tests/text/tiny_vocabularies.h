// Vocabularies small enough to read, as GGUF metadata.
#pragma once

#include <memory>

#include "base/metadata.h"
#include "text/tokenizer.h"

namespace slip {

// 256 byte symbols, then "he", "ll", "hell", "hello", "Ġhello", "Ġw", "or", <|im_start|>,
// <|im_end|>; pre-tokenizer gpt-2.
Metadata tiny_byte_level_metadata();
std::unique_ptr<Tokenizer> tiny_byte_level();

// <unk>, <s>, </s>, 256 byte tokens, then pieces with scores; puts a space in front.
Metadata tiny_sentencepiece_metadata();
std::unique_ptr<Tokenizer> tiny_sentencepiece();

}  // namespace slip
