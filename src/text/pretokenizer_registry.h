// The pre-tokenizers that model files name (GGUF's tokenizer.ggml.pre). Each file of the folder
// pretokenizers/ defines one entry; its presence registers it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/split_step.h"
#include "text/unicode.h"

namespace slip {

struct PretokenizerEntry {
  std::vector<std::string_view> names;  // values of tokenizer.ggml.pre
  // Patterns in Oniguruma's syntax, as the models' own tokenizer.json has them: applied one after
  // the other, matches isolated.
  std::vector<std::string_view> patterns;
  bool ignore_merges = false;  // a piece that is a token as a whole becomes that token
  bool add_bos = false;        // unless the file says otherwise
  // The vocabulary is UTF-8 with "▁" for spaces and byte tokens, not byte-level.
  bool space_marks = false;
  // What text is brought to first, where the model's own tokenizer.json has such a normaliser.
  std::optional<NormalForm> normal_form = {};
};

// Every entry, in no particular order (generated).
std::vector<const PretokenizerEntry*> pretokenizers();

// The entry for a name; kUnsupported, with the known names, when there is none.
Result<const PretokenizerEntry*> find_pretokenizer(std::string_view name);

// Patterns shared by several entries.
inline constexpr std::string_view kGpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kLlama3Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kGpt4oWords =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|)"
    R"(\s+(?!\S)|\s+)";
inline constexpr std::string_view kDeepseek3Words =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
    R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The steps for `patterns`.
Result<PreTokenizer> make_pretokenizer(const std::vector<std::string_view>& patterns);

}  // namespace slip
