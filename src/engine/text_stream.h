// An answer's tokens as the text that clients see.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/detokenizer.h"
#include "text/stop_strings.h"
#include "text/tokenizer.h"

namespace slip {

// Whole characters, with stop strings held back and cut off. One answer; not thread-safe. The
// tokenizer must outlive it.
class TextStream {
 public:
  // `shown`: control tokens whose names are part of the text.
  TextStream(const Tokenizer& tokenizer, std::vector<std::string> stop,
             std::vector<std::int32_t> shown = {});

  // The text that is certain with this token; `stopped` when a stop string ended the answer.
  StopStrings::Output push(std::int32_t token);
  // The answer ended otherwise: what is left.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  Detokenizer detokenizer_;
  StopStrings stops_;
  std::vector<std::int32_t> shown_;
  bool stopped_ = false;
};

}  // namespace slip
