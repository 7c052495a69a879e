// What guessing ahead gains on a given text: its answer is decoded as if the model wrote it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/session.h"
#include "text/tokenizer.h"

namespace slip {

// A prompt and the answer to it, from a line {"name": …, "prompt": …, "answer": …} of a JSONL file.
struct ReplayText {
  std::string name;
  std::vector<std::int32_t> prompt;
  std::vector<std::int32_t> answer;
};

// Errors: kNotFound, kIo, kInvalid naming the line; an empty prompt or answer is kInvalid.
Result<std::vector<ReplayText>> read_replay(const std::filesystem::path& path,
                                            const Tokenizer& tokenizer);

struct ReplayResult {
  std::string name;
  std::int64_t n_tokens = 0;         // of the answer
  std::vector<double> plain = {};    // tokens/s, one a repeat
  std::vector<double> guessed = {};  // the same with prompt lookup
  std::int64_t n_drafted = 0;        // in the last repeat
  std::int64_t n_accepted = 0;
};

struct ReplayOptions {
  int repeats = 5;
  std::function<void(const ReplayText&, int repeat)> on_repeat = {};
  const std::atomic<bool>* cancel = nullptr;
};

// Decodes each answer behind its prompt, plainly and with prompt lookup in turn. A pass computes
// logits and the largest of them as always, but the token that follows is the answer's, and a
// guessed one is right if it is the answer's: so a model whose weights mean nothing can be measured
// on a text that one would write. kLimit when a text doesn't fit the context.
Result<std::vector<ReplayResult>> run_replay(Session& session, const std::vector<ReplayText>& texts,
                                             const ReplayOptions& options);

}  // namespace slip
