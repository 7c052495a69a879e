#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_spark() {
  static const PretokenizerEntry entry{
      .names = {"spark2_5"},
      .patterns = {R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)",
                   R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
                   R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)",
                   R"(\p{N})"},
  };
  return entry;
}

}  // namespace slip
