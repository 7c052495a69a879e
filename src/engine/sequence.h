// A request on its way through the batch engine.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cache/prefix_tree.h"
#include "engine/draft_rows.h"
#include "engine/request.h"

namespace slip {

// A value that the engine works on. Its vectors have room for the longest answer from the start, so
// that steps don't allocate.
struct Sequence {
  Sequence(RequestId request_id, Request r)
      : id(request_id),
        request(std::move(r)),
        tokens(std::move(request.prompt)),
        n_prompt(std::ssize(tokens)) {}

  std::int64_t n_tokens() const { return std::ssize(tokens); }
  std::int64_t n_generated() const { return n_tokens() - n_prompt; }
  std::int64_t n_pending() const { return n_tokens() - n_computed; }
  // Tokens that may come from the cache: the last one's output is wanted, and where outputs of
  // earlier ones are wanted, those too.
  std::int64_t n_matchable() const {
    if (request.kind == RequestKind::kEmbedMean) return 0;
    if (request.prompt_logprobs && n_prompt_reported < n_prompt) return n_prompt_reported - 1;
    return n_tokens() - 1;
  }

  RequestId id;
  Request request;  // without the prompt

  std::vector<std::int32_t> tokens;  // prompt and answer
  std::int64_t n_prompt;
  std::int64_t n_limit = 0;     // of tokens; the answer ends there
  std::int64_t n_computed = 0;  // of tokens, in the KV cache
  std::vector<std::int32_t> pages;
  std::int64_t n_in_tree = 0;  // of pages, from the first on

  bool is_running = false;
  bool is_deferred = false;
  bool is_done = false;
  std::int64_t wait_began_ns = 0;
  std::int64_t waited_ns = 0;         // before that
  PrefixTree::Match match;            // while it waits: what the cache had when last asked
  std::uint64_t first_page_hash = 0;  // 0: the prompt is shorter
  std::int32_t client = 0;            // in the ledger

  std::int64_t n_prompt_reported =
      1;                       // tokens of the prompt whose logprobs were given; not the first
  std::vector<double> pooled;  // kEmbedMean: sum of hidden states

  // Guesses at the next tokens, of this step.
  std::array<std::int32_t, kMostDrafted> draft{};
  std::int64_t n_guessed = 0;
  std::int64_t n_remembered = 0;  // tokens that guesses are made from
  AcceptRate accept_rate;

  RequestTimes times;
  std::int64_t n_cached = 0;
  std::int64_t n_preemptions = 0;
};

}  // namespace slip
