// Reading a text on a model that somebody observes (InputObserver).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/runner.h"
#include "ops/rowwise.h"
#include "text/tokenizer.h"

namespace slip {

// The text's tokens in windows that don't overlap, cut as eval's are: what is left over is dropped,
// and the BOS replaces each window's first token where the model adds one. `max_windows`: -1: all.
// kInvalid for a text of less than one window.
Result<std::vector<std::int32_t>> window_tokens(const Tokenizer& tokenizer, std::string_view text,
                                                std::int64_t window, std::int64_t max_windows);

// Runs a window, from an empty cache, and gives the hidden states behind the output norm
// [n_tokens][d_model] to `on_states`. Errors: those of the runner.
Result<> read_window(ModelRunner& runner, std::span<const std::int32_t> tokens,
                     const std::atomic<bool>* cancel,
                     const std::function<void(const Rows& states)>& on_states);

}  // namespace slip
