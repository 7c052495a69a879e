#include "serve/openai/responses.h"

#include <bit>
#include <cstring>

#include "text/utf8.h"

namespace slip {
namespace {

void begin(JsonWriter& json, const ResponseHead& head, std::string_view object) {
  json.begin_object().key("id").string(head.id).key("object").string(object);
  json.key("created").integer(head.created_s).key("model").string(head.model);
  json.key("system_fingerprint").string(head.fingerprint);
}

void write_usage(JsonWriter& json, const AnswerSummary& usage) {
  json.key("usage").begin_object();
  json.key("prompt_tokens").integer(usage.n_prompt);
  json.key("completion_tokens").integer(usage.n_generated);
  json.key("total_tokens").integer(usage.n_prompt + usage.n_generated);
  json.key("prompt_tokens_details").begin_object();
  json.key("cached_tokens").integer(usage.n_cached).key("audio_tokens").integer(0).end_object();
  json.key("completion_tokens_details").begin_object();
  json.key("reasoning_tokens").integer(0).key("audio_tokens").integer(0);
  json.key("accepted_prediction_tokens").integer(0);
  json.key("rejected_prediction_tokens").integer(0);
  json.end_object().end_object();
}

void write_finish(JsonWriter& json, std::string_view reason) {
  json.key("finish_reason");
  if (reason.empty()) {
    json.null();
  } else {
    json.string(reason);
  }
}

void write_token(JsonWriter& json, std::int32_t token, float logprob, const Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.token_bytes(token);
  json.key("token").string(bytes).key("logprob").number(logprob).key("bytes").begin_array();
  for (const char byte : bytes) json.integer(static_cast<unsigned char>(byte));
  json.end_array();
}

void write_chat_logprobs(JsonWriter& json, std::span<const TokenInfo> tokens,
                         const Tokenizer& tokenizer) {
  json.key("logprobs").begin_object().key("content").begin_array();
  for (const TokenInfo& info : tokens) {
    json.begin_object();
    write_token(json, info.token, info.logprob.value_or(0), tokenizer);
    json.key("top_logprobs").begin_array();
    for (const TokenLogprob& top : info.top) {
      json.begin_object();
      write_token(json, top.token, top.logprob, tokenizer);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().key("refusal").null().end_object();
}

// As OpenAI spells tokens that are no whole characters: "bytes:\xe2\x80".
std::string spelled(std::int32_t token, const Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.token_bytes(token);
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string text = "bytes:";
  for (const char byte : bytes) {
    text += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  }
  return text;
}

std::size_t characters_of(std::int32_t token, const Tokenizer& tokenizer) {
  if (tokenizer.is_special(token)) return 0;
  std::size_t n = 0;
  for (const char c : tokenizer.token_bytes(token)) n += utf8_starts_char(c);
  return n;
}

void write_top(JsonWriter& json, const TokenInfo& info, const Tokenizer& tokenizer) {
  if (!info.logprob) {
    json.null();
    return;
  }
  json.begin_object();
  bool has_token = false;
  for (const TokenLogprob& top : info.top) {
    json.key(spelled(top.token, tokenizer)).number(top.logprob);
    has_token |= top.token == info.token;
  }
  // The token itself is always among them.
  if (!has_token) json.key(spelled(info.token, tokenizer)).number(*info.logprob);
  json.end_object();
}

void write_text_logprobs(JsonWriter& json, const TextChoice& choice, const Tokenizer& tokenizer) {
  json.key("logprobs").begin_object().key("tokens").begin_array();
  for (const TokenInfo& info : choice.tokens) json.string(spelled(info.token, tokenizer));
  json.end_array().key("token_logprobs").begin_array();
  for (const TokenInfo& info : choice.tokens) {
    if (info.logprob) {
      json.number(*info.logprob);
    } else {
      json.null();
    }
  }
  json.end_array().key("top_logprobs").begin_array();
  for (const TokenInfo& info : choice.tokens) write_top(json, info, tokenizer);
  json.end_array().key("text_offset").begin_array();
  std::size_t offset = choice.text_offset;
  for (const TokenInfo& info : choice.tokens) {
    json.unsigned_integer(offset);
    offset += characters_of(info.token, tokenizer);
  }
  json.end_array().end_object();
}

void write_message(JsonWriter& json, const ChatChoice& choice) {
  json.key("message").begin_object().key("role").string("assistant").key("content");
  if (choice.content.empty() && !choice.tool_calls.empty()) {
    json.null();
  } else {
    json.string(choice.content);
  }
  json.key("refusal").null();
  if (!choice.tool_calls.empty()) {
    json.key("tool_calls").begin_array();
    for (const ToolCall& call : choice.tool_calls) {
      json.begin_object().key("id").string(call.id).key("type").string("function");
      json.key("function").begin_object().key("name").string(call.name);
      json.key("arguments").string(call.arguments).end_object().end_object();
    }
    json.end_array();
  }
  json.end_object();
}

void write_delta(JsonWriter& json, const ChatDelta& delta) {
  json.key("delta").begin_object();
  if (delta.begins) json.key("role").string("assistant");
  if (delta.content) json.key("content").string(*delta.content);
  if (delta.begins) json.key("refusal").null();
  if (!delta.calls.empty()) {
    json.key("tool_calls").begin_array();
    for (const ChatDelta::Call& call : delta.calls) {
      json.begin_object().key("index").unsigned_integer(call.index);
      if (call.begin) json.key("id").string(call.begin->id).key("type").string("function");
      json.key("function").begin_object();
      if (call.begin) json.key("name").string(call.begin->name);
      json.key("arguments").string(call.begin ? call.begin->arguments : call.arguments);
      json.end_object().end_object();
    }
    json.end_array();
  }
  json.end_object();
}

void write_text_choice(JsonWriter& json, const TextChoice& choice, const Tokenizer& tokenizer) {
  json.begin_object().key("index").unsigned_integer(choice.index);
  json.key("text").string(choice.text);
  if (choice.has_logprobs) {
    write_text_logprobs(json, choice, tokenizer);
  } else {
    json.key("logprobs").null();
  }
  write_finish(json, choice.finish_reason);
  json.end_object();
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= n ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

}  // namespace

std::string chat_completion(const ResponseHead& head, std::span<const ChatChoice> choices,
                            const AnswerSummary& usage, const Tokenizer& tokenizer) {
  JsonWriter json;
  begin(json, head, "chat.completion");
  json.key("choices").begin_array();
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const ChatChoice& choice = choices[i];
    json.begin_object().key("index").unsigned_integer(i);
    write_message(json, choice);
    if (choice.has_logprobs) {
      write_chat_logprobs(json, choice.tokens, tokenizer);
    } else {
      json.key("logprobs").null();
    }
    write_finish(json, choice.finish_reason);
    json.end_object();
  }
  json.end_array();
  write_usage(json, usage);
  return json.end_object().take_value();
}

std::string chat_chunk(const ResponseHead& head, const ChatDelta& delta,
                       const Tokenizer& tokenizer) {
  JsonWriter json;
  begin(json, head, "chat.completion.chunk");
  json.key("choices").begin_array().begin_object();
  json.key("index").unsigned_integer(delta.choice);
  write_delta(json, delta);
  if (delta.has_logprobs && !delta.tokens.empty()) {
    write_chat_logprobs(json, delta.tokens, tokenizer);
  } else {
    json.key("logprobs").null();
  }
  write_finish(json, delta.finish_reason);
  return json.end_object().end_array().end_object().take_value();
}

std::string text_completion(const ResponseHead& head, std::span<const TextChoice> choices,
                            const AnswerSummary& usage, const Tokenizer& tokenizer) {
  JsonWriter json;
  begin(json, head, "text_completion");
  json.key("choices").begin_array();
  for (const TextChoice& choice : choices) write_text_choice(json, choice, tokenizer);
  json.end_array();
  write_usage(json, usage);
  return json.end_object().take_value();
}

std::string text_chunk(const ResponseHead& head, const TextChoice& choice,
                       const Tokenizer& tokenizer) {
  JsonWriter json;
  begin(json, head, "text_completion");
  json.key("choices").begin_array();
  write_text_choice(json, choice, tokenizer);
  return json.end_array().end_object().take_value();
}

std::string usage_chunk(const ResponseHead& head, std::string_view object,
                        const AnswerSummary& usage) {
  JsonWriter json;
  begin(json, head, object);
  json.key("choices").begin_array().end_array();
  write_usage(json, usage);
  return json.end_object().take_value();
}

std::string embedding_list(std::string_view model, std::span<const std::vector<float>> embeddings,
                           EmbeddingFormat format, std::int64_t n_tokens) {
  JsonWriter json;
  json.begin_object().key("object").string("list").key("data").begin_array();
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    const std::vector<float>& values = embeddings[i];
    json.begin_object().key("object").string("embedding").key("index").unsigned_integer(i);
    json.key("embedding");
    if (format == EmbeddingFormat::kBase64) {
      static_assert(std::endian::native == std::endian::little);
      json.string(base64({reinterpret_cast<const char*>(values.data()), values.size() * 4}));
    } else {
      json.begin_array();
      for (const float value : values) json.number(value);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array().key("model").string(model).key("usage").begin_object();
  json.key("prompt_tokens").integer(n_tokens).key("total_tokens").integer(n_tokens);
  return json.end_object().end_object().take_value();
}

std::size_t n_characters(std::span<const TokenInfo> tokens, const Tokenizer& tokenizer) {
  std::size_t n = 0;
  for (const TokenInfo& info : tokens) n += characters_of(info.token, tokenizer);
  return n;
}

}  // namespace slip
