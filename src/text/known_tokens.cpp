// Tokens known by name. Files rarely say which tokens end an answer, and some mark control tokens
// as ordinary ones.
#include <algorithm>
#include <array>
#include <string_view>

#include "text/tokenizer_parts.h"

namespace slip {
namespace {

// They end the assistant's turn or message in the model families that have them.
constexpr std::string_view kEndNames[] = {
    "<|eot_id|>",       // Llama 3
    "<|eom_id|>",       // Llama 3.1: end of message, a tool is to be called
    "<|im_end|>",       // ChatML: Qwen, SmolLM2, …
    "<|end|>",          // Phi 3
    "<end_of_turn>",    // Gemma
    "<|endoftext|>",    // GPT-2 and many others
    "<|end_of_text|>",  // Llama 3, Granite
    "<|return|>",       // gpt-oss
    "<|call|>",         // gpt-oss
    "<|flush|>",        // Solar Open
    "<|calls|>",        // Solar Open
    "<EOT>",            // CodeLlama
    "_<EOT>",
    "[EOT]",                  // Kimi K2
    "[EOS]",                  // Kimi K2
    "<end_of_utterance>",     // SmolVLM
    "<turn|>",                // Gemma 4
    "<|tool_response>",       // Gemma 4
    "<｜end▁of▁sentence｜>",  // DeepSeek
    "[e~[",                   // MiniMax
    "<|fim_pad|>",            // Qwen Coder: these end a fill-in-the-middle answer
    "<|repo_name|>",
    "<|file_sep|>",
};

// Control tokens that must be parsed as such but don't end an answer.
constexpr std::string_view kControlNames[] = {
    "<|fim_prefix|>", "<|fim_suffix|>",  "<|fim_middle|>", "<fim_prefix>",
    "<fim_suffix>",   "<fim_middle>",    "<fim-prefix>",   "<fim-suffix>",
    "<fim-middle>",   "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>",
};

template <class Names>
bool is_one_of(std::string_view text, const Names& names) {
  return std::find(std::begin(names), std::end(names), text) != std::end(names);
}

// Ends in conversation formats where "<|end|>" only closes a message (gpt-oss, Solar Open).
bool end_is_a_separator(const TokenizerParts& parts) {
  bool has_return_or_flush = false;
  bool has_call = false;
  for (int id = 0; id < parts.vocabulary.size(); ++id) {
    if (!parts.ends_generation[static_cast<std::size_t>(id)]) continue;
    const std::string_view text = parts.vocabulary.bytes(id);
    has_return_or_flush |= text == "<|return|>" || text == "<|flush|>";
    has_call |= text == "<|call|>" || text == "<|calls|>";
  }
  return has_return_or_flush && has_call;
}

}  // namespace

void mark_known_tokens(TokenizerParts& parts) {
  Vocabulary& vocabulary = parts.vocabulary;
  parts.ends_generation.resize(static_cast<std::size_t>(vocabulary.size()), false);
  int end_id = -1;  // of "<|end|>"
  for (int id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary.bytes(id);
    // Every name begins and ends with brackets (or "_<EOT>"): most tokens are out at once.
    if (text.size() < 4 || (text[0] != '<' && text[0] != '[' && text[0] != '_')) continue;
    if (vocabulary.kind(id) == TokenKind::kByte) continue;
    const bool ends = is_one_of(text, kEndNames);
    if (!ends && !is_one_of(text, kControlNames)) continue;
    vocabulary.set_kind(id, TokenKind::kControl);
    parts.ends_generation[static_cast<std::size_t>(id)] = ends;
    if (text == "<|end|>") end_id = id;
  }
  if (end_id >= 0 && end_is_a_separator(parts)) {
    parts.ends_generation[static_cast<std::size_t>(end_id)] = false;
  }
  if (parts.eos >= 0) parts.ends_generation[static_cast<std::size_t>(parts.eos)] = true;
}

}  // namespace slip
