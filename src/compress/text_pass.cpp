#include "compress/text_pass.h"

#include <algorithm>
#include <numeric>

namespace slip {

Result<std::vector<std::int32_t>> window_tokens(const Tokenizer& tokenizer, std::string_view text,
                                                std::int64_t window, std::int64_t max_windows) {
  auto tokens = tokenizer.encode(text, {.add_special = true, .parse_special = false});
  std::int64_t n = std::ssize(tokens) / window;
  if (max_windows >= 0) n = std::min(n, max_windows);
  if (n == 0) {
    return invalid("text: expected at least one window of {} tokens, got {} tokens", window,
                   tokens.size());
  }
  tokens.resize(static_cast<std::size_t>(n * window));
  if (tokenizer.adds_bos()) {
    for (std::int64_t i = 0; i < n; ++i) {
      tokens[static_cast<std::size_t>(i * window)] = tokenizer.bos_id();
    }
  }
  return tokens;
}

Result<> read_window(ModelRunner& runner, std::span<const std::int32_t> tokens,
                     const std::atomic<bool>* cancel,
                     const std::function<void(const Rows& states)>& on_states) {
  std::vector<std::int32_t> pages(static_cast<std::size_t>(runner.kv().n_pages()));
  std::iota(pages.begin(), pages.end(), 0);
  std::vector<BatchRow> rows;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    rows.push_back({.token = tokens[i],
                    .position = static_cast<std::int32_t>(i),
                    .sequence = 0,
                    .output = RowOutput::kHidden});
  }
  const std::span<const std::int32_t> page_table[] = {pages};
  const ForwardOutput out =
      SLIP_TRY(runner.run({.rows = rows, .page_tables = page_table, .cancel = cancel}));
  // They are only read.
  on_states({.data = const_cast<float*>(out.hidden.data()),
             .stride = runner.config().d_model,
             .n_rows = std::ssize(rows)});
  return {};
}

}  // namespace slip
