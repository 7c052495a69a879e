// What a load generator asks: texts of given lengths, made up, or those of a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace slip {

struct LoadPrompt {
  std::string text;           // of a completion, or of the one message of a chat
  std::string messages = {};  // instead: a chat's, as a JSON array
  std::int64_t max_tokens = 0;
};

// Inclusive; every length is as likely as any other.
struct LengthRange {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

struct MadePrompts {
  LengthRange prompt_tokens;
  LengthRange answer_tokens;
  std::int64_t n_shared_tokens = 0;  // at the beginning of all of them, beside prompt_tokens
  std::uint64_t seed = 0;
};

// The prompt of the request with that number: random words, each of which is a token of its own in
// the usual vocabularies (what a chat template adds comes on top). But for the shared beginning two
// prompts differ from their first words on, so that no prefix cache has a use for them.
LoadPrompt make_prompt(const MadePrompts& made, std::uint64_t number);

// Lines {"prompt": "…", "max_tokens": 64} or {"messages": […], …} of a JSONL file; other keys are
// ignored, and `answer_tokens` is drawn from where there is no max_tokens. Errors: kNotFound, kIo,
// kInvalid naming the line, kLimit for a file of more than 512 MB.
Result<std::vector<LoadPrompt>> read_prompts(const std::filesystem::path& path,
                                             const MadePrompts& defaults);

}  // namespace slip
