#include "serve/served_model.h"

#include <algorithm>
#include <cmath>

#include "engine/chat_prompt.h"
#include "text/template/json_value.h"

namespace slip {
namespace {

ApiError refusal(const Error& error, const EngineStats& stats) {
  if (error.kind == ErrorKind::kLimit) {
    return {.status = 429,
            .message = error.message,
            .code = "rate_limit_exceeded",
            .retry_after_s = retry_after_s(stats)};
  }
  if (error.kind == ErrorKind::kCancelled) {
    return {.status = 503, .message = error.message, .retry_after_s = 1};
  }
  return to_api_error(error);
}

}  // namespace

int retry_after_s(const EngineStats& stats) {
  const double seconds =
      static_cast<double>(stats.n_waiting) * static_cast<double>(stats.ns_between_ends) * 1e-9;
  return static_cast<int>(std::ceil(std::clamp(seconds, 1.0, 60.0)));
}

Reply<> ServedModel::check_name(const std::string& name) const {
  if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) return {};
  return tl::unexpected(ApiError{
      .status = 404,
      .message = fmt::format("model: '{}' is not served here, '{}' is", name, names.front()),
      .param = "model",
      .code = "model_not_found"});
}

Reply<> ServedModel::check_length(std::int64_t n_tokens, std::int64_t n_room,
                                  std::string_view field) const {
  if (n_tokens + n_room <= n_ctx) return {};
  return tl::unexpected(ApiError{
      .message = fmt::format("{}: {} tokens exceed the context of {} tokens{}", field, n_tokens,
                             n_ctx, n_room > 0 ? ", or leave no room for an answer" : ""),
      .param = std::string(field),
      .code = "context_length_exceeded",
      .context = ApiError::Context{.n_prompt = n_tokens, .n_ctx = n_ctx}});
}

Reply<std::vector<std::int32_t>> ServedModel::encode(const Prompt& prompt, std::string_view field,
                                                     std::int64_t n_room) const {
  std::vector<std::int32_t> tokens;
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    tokens = tokenizer->encode(*text);
  } else {
    tokens = std::get<std::vector<std::int32_t>>(prompt);
    for (const std::int32_t token : tokens) {
      if (tokenizer->contains(token)) continue;
      return bad_field(field, "invalid_value", "token {}: expected 0 … {}", token,
                       tokenizer->n_vocab() - 1);
    }
  }
  if (tokens.empty()) {
    return bad_field(field, "invalid_value", "expected text of at least one token, got none");
  }
  SLIP_TRY(check_length(std::ssize(tokens), n_room, field));
  return tokens;
}

Reply<std::string> ServedModel::apply_template(const ChatRequest& request) const {
  if (!chat_template) {
    return tl::unexpected(ApiError{
        .status = 501, .message = "the model has no chat template (serve --chat-template-file)"});
  }
  ChatOptions options;
  const bool with_tools = request.tool_choice.kind != ToolChoice::Kind::kNone;
  if (with_tools && !tool_format) {
    return bad_field("tools", "invalid_value", "the model's chat template has no use for tools");
  }
  if (with_tools) options.tools = tmpl::to_value(request.tools);
  options.variables = request.variables;
  using GenerationPrompt = ChatOptions::GenerationPrompt;
  options.generation_prompt =
      request.add_generation_prompt ? GenerationPrompt::kAdd : GenerationPrompt::kOmit;
  return to_reply(chat_template->apply(request.messages, options), "messages");
}

Reply<RequestId> ServedModel::submit(Request request) const {
  auto id = engine->submit(std::move(request));
  if (!id) return tl::unexpected(refusal(id.error(), engine->stats()));
  return *id;
}

}  // namespace slip
