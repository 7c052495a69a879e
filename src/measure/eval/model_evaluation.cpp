#include "measure/eval/model_evaluation.h"

#include <algorithm>

#include "base/os/clock.h"
#include "formats/gguf.h"
#include "formats/hf_folder.h"
#include "formats/summary.h"

namespace slip {
namespace {

constexpr int kTokens = 32;

// Nanoseconds for so many decode steps. Which token comes is no matter to the speed.
Result<std::int64_t> time_decoding(Session& session, int n_tokens,
                                   const std::atomic<bool>* cancel) {
  session.truncate(0);
  const std::int64_t start = now_ns();
  for (int i = 0; i < n_tokens; ++i) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      return fail(ErrorKind::kCancelled, "the measurement of speed was cancelled");
    }
    const auto token = static_cast<std::int32_t>(i % session.n_vocab());
    SLIP_TRY(session.extend(std::span(&token, 1)));
  }
  return std::max<std::int64_t>(1, now_ns() - start);
}

}  // namespace

Result<ModelEvaluation> describe_model(const std::string& path) {
  const ModelSummary summary = HfFolder::is_folder(path)
                                   ? summarize(SLIP_TRY(HfFolder::open(path)))
                                   : summarize(SLIP_TRY(GgufFile::open(path)));
  return ModelEvaluation{.model = path,
                         .file_bytes = summary.file_bytes,
                         .bits_per_weight = summary.bits_per_weight()};
}

Result<std::vector<double>> decode_speed(Session& session, int repeats,
                                         const std::atomic<bool>* cancel) {
  if (session.n_ctx() < kTokens) {
    return fail(ErrorKind::kLimit, "speed: expected a context of at least {} tokens, got {}",
                kTokens, session.n_ctx());
  }
  SLIP_TRY(time_decoding(session, 2, cancel));
  std::vector<double> speeds;
  for (int i = 0; i < repeats; ++i) {
    const std::int64_t ns = SLIP_TRY(time_decoding(session, kTokens, cancel));
    speeds.push_back(kTokens * 1e9 / static_cast<double>(ns));
  }
  session.truncate(0);
  return speeds;
}

}  // namespace slip
