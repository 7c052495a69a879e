// Hand-written splitters for the patterns that most models use: a regular expression costs
// 10–50 times as much. Each is equal, piece for piece, to its pattern (scanners.cpp names it).
#pragma once

#include <memory>

#include "text/split_step.h"

namespace slip {

struct Gpt2Pattern {
  // Every \p{N} is a piece of its own, cut out before the pattern is applied (StarCoder, SmolLM).
  bool single_digits = false;
};

// GPT-2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::unique_ptr<SplitStep> gpt2_splitter(Gpt2Pattern pattern = {});

struct Llama3Pattern {
  int max_digits = 3;        // \p{N}{1,max_digits}
  bool contractions = true;  // (?i:'s|'t|'re|'ve|'m|'ll|'d) first
  bool marks = false;        // \p{M} counts with \p{L} (Qwen 3.5)
};

// Llama 3: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//          ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
std::unique_ptr<SplitStep> llama3_splitter(Llama3Pattern pattern = {});

// \p{N}{1,max_digits}: groups of digits are pieces, and what lies between them. 0: no maximum.
std::unique_ptr<SplitStep> digit_splitter(int max_digits);

// Groups of three digits counted from the right: \d{1,3}(?=(?:\d{3})*\b).
std::unique_ptr<SplitStep> right_aligned_digit_splitter();

// Runs of new lines, and what lies between them: [^\n]+|[\n]+.
std::unique_ptr<SplitStep> newline_splitter();

// Before each space: "a  b" → "a", " ", " b" (Metaspace with split: "▁" begins a piece).
std::unique_ptr<SplitStep> space_splitter();

// Pieces between white space, which is dropped.
std::unique_ptr<SplitStep> white_space_remover();

// BERT: white space is dropped, every punctuation character is a piece of its own.
std::unique_ptr<SplitStep> bert_splitter();

// Punctuation characters (\p{P} and ASCII's symbols), cut out as `behavior` says.
std::unique_ptr<SplitStep> punctuation_splitter(SplitBehavior behavior);

}  // namespace slip
