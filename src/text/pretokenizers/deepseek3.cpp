#include "text/pretokenizer_registry.h"

namespace slip {

const PretokenizerEntry& pretokenizers_deepseek3() {
  static const PretokenizerEntry entry{
      .names = {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
      .patterns = {R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)", kDeepseek3Words},
  };
  return entry;
}

}  // namespace slip
