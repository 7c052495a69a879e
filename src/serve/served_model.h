// A model that answers requests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine_thread.h"
#include "engine/grammar_constraint.h"
#include "engine/sampling.h"
#include "serve/openai/requests.h"
#include "serve/tool_calls.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace slip {

// Seconds after which a request that found no room is worth sending again: until those that wait
// now have ended, at the rate at which others ended of late; 1 to 60.
int retry_after_s(const EngineStats& stats);

// A value that is filled in while the model is loaded and doesn't change any more; what it points
// to outlives it (ModelRepository).
struct ServedModel {
  // What clients may call it; the first stands in answers.
  std::vector<std::string> names;
  std::string version = {};  // of the program
  std::int64_t created_s = 0;
  EngineThread* engine = nullptr;
  const Tokenizer* tokenizer = nullptr;
  std::shared_ptr<GrammarCache> grammars = {};     // of this tokenizer
  std::optional<ChatTemplate> chat_template = {};  // none: no chat
  std::string chat_template_source = {};
  std::optional<ToolFormat> tool_format = {};
  SamplingParams sampling = {};  // for fields that requests leave out
  std::int64_t n_ctx = 0;        // tokens of a request and its answer, at most
  std::int64_t n_ctx_train = 0;  // 0: unknown
  std::int64_t d_model = 0;
  std::uint64_t size_bytes = 0;  // of the tensors as they are stored

  // 404 for a name that is none of these; a request may leave it empty.
  Reply<> check_name(const std::string& name) const;
  // A prompt's tokens, of which there are at least one and at most n_ctx - n_room.
  Reply<std::vector<std::int32_t>> encode(const Prompt& prompt, std::string_view field,
                                          std::int64_t n_room) const;
  // 400 when a conversation's tokens leave no room for an answer.
  Reply<> check_length(std::int64_t n_tokens, std::int64_t n_room, std::string_view field) const;
  // 501 without a template; 400 for what it refuses.
  Reply<std::string> apply_template(const ChatRequest& request) const;
  // 429 when there is no room in the queue, 503 when the server is about to end.
  Reply<RequestId> submit(Request request) const;
};

}  // namespace slip
