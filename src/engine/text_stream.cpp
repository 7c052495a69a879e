#include "engine/text_stream.h"

#include <algorithm>

namespace slip {

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<std::string> stop,
                       std::vector<std::int32_t> shown)
    : tokenizer_(tokenizer),
      detokenizer_(tokenizer, {.continues = true}),
      stops_(std::move(stop)),
      shown_(std::move(shown)) {}

StopStrings::Output TextStream::push(std::int32_t token) {
  std::string piece;
  if (std::find(shown_.begin(), shown_.end(), token) != shown_.end()) {
    piece = detokenizer_.finish();
    piece += tokenizer_.token_bytes(token);
  } else {
    piece = detokenizer_.push(token);
  }
  StopStrings::Output out = stops_.push(piece);
  stopped_ = out.stopped;
  return out;
}

std::string TextStream::finish() {
  if (stopped_) return {};
  StopStrings::Output out = stops_.push(detokenizer_.finish());
  stopped_ = out.stopped;
  if (!stopped_) out.text += stops_.finish();
  return std::move(out.text);
}

}  // namespace slip
