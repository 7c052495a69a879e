// What the teacher says about a text, kept on disk: of each position the most likely next tokens
// with their log probabilities. Computed once, read at every step of the training.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "base/os/mapped_file.h"
#include "base/result.h"
#include "engine/loaded_model.h"

namespace slip {

// One example: `window` tokens and, after each of them, the teacher's k most likely next ones, the
// likeliest first. Log probabilities are natural, F16, at the cache's temperature; `tails`: log of
// the probability of all other tokens together.
struct TeacherWindow {
  std::span<const std::int32_t> tokens;      // [window]
  std::span<const std::int32_t> ids;         // [window][k]
  std::span<const std::uint16_t> log_probs;  // [window][k]
  std::span<const std::uint16_t> tails;      // [window]
};

struct TeacherCacheOptions {
  std::int64_t window = 256;
  std::int64_t max_windows = 0;     // 0: all of the text
  std::int64_t continue_after = 0;  // tokens of a window behind which the teacher goes on; 0: none
  std::int64_t top_k = 64;
  double temperature = 1;
  std::uint64_t seed = 1;  // of what the teacher writes
};

// The file: a header (teacher_cache.cpp), then by window tokens, tails, ids and log probabilities.
// Movable; const member functions are thread-safe.
class TeacherCache {
 public:
  // What decides a cache's contents, as a number: model files, text and options.
  static std::uint64_t key_of(const ModelSource& teacher, std::string_view text,
                              const TeacherCacheOptions& options);

  // kInvalid when the file is none of ours or is damaged in size, or has another key.
  static Result<TeacherCache> open(const std::filesystem::path& path, std::uint64_t key);

  std::int64_t n_windows() const { return n_windows_; }
  std::int64_t window() const { return window_; }
  std::int64_t top_k() const { return top_k_; }
  std::uint64_t key() const { return key_; }
  TeacherWindow operator[](std::int64_t i) const;

 private:
  TeacherCache() = default;
  MappedFile file_;
  std::uint64_t key_ = 0;
  std::int64_t n_windows_ = 0, window_ = 0, top_k_ = 0;
};

// Windows that run through the teacher together.
inline constexpr std::int64_t kTeacherSequences = 16;

struct TeacherRun {
  std::uint64_t key = 0;
  std::function<void(std::int64_t done, std::int64_t all)> on_windows = {};
  const std::atomic<bool>* cancel = nullptr;
};

// Runs the teacher, which has KV pages for kTeacherSequences windows, over the text and writes the
// cache, as a whole or not at all. Each window starts an empty context, with BOS as its first token
// where the model wants one. With continue_after the rest of each window is drawn from the
// teacher's k most likely tokens at temperature 1, tokens that end an answer left out.
// Errors: kInvalid for a text of less than one window; kCancelled.
Result<> write_teacher_cache(const std::filesystem::path& path, LoadedModel& teacher,
                             std::string_view text, const TeacherCacheOptions& options,
                             const TeacherRun& run);

}  // namespace slip
