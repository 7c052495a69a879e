// Stands in until tokenizer.json is read: weak, so that the real one takes its place.
#include "text/tokenizer.h"

namespace slip {

__attribute__((weak)) Result<std::unique_ptr<Tokenizer>> Tokenizer::from_hf(std::string_view,
                                                                            std::string_view) {
  return fail(ErrorKind::kUnsupported, "tokenizer.json: not supported yet");
}

}  // namespace slip
