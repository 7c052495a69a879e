// What llama-server adds to the OpenAI API, and lm-eval and others ask: tokens and templates.
#include "engine/chat_prompt.h"
#include "serve/openai/requests.h"
#include "serve/protocol.h"

namespace slip {
namespace {

using Model = std::shared_ptr<const ServedModel>;
using CallRef = std::shared_ptr<Call>;

// {"content" or "prompt": text, "add_special": false, "parse_special": true, "with_pieces": false}
// or {"messages": […]} → {"tokens": […], "count": n, "max_model_len": n}. A `prompt`, as vLLM has
// it and lm-eval sends it, adds special tokens unless add_special_tokens says otherwise.
Reply<> tokenize(const CallRef& call, const Model& model) {
  const auto body = SLIP_TRY(parse_body(call->request().body));
  const Fields fields(body);
  const Tokenizer& tokenizer = *model->tokenizer;
  const auto prompt = SLIP_TRY(fields.string("prompt"));
  SLIP_TRY(fields.string("content"));
  const auto adds_special = SLIP_TRY(fields.boolean("add_special"));
  const auto adds_special_tokens = SLIP_TRY(fields.boolean("add_special_tokens"));
  const bool parse_special = SLIP_TRY(fields.boolean("parse_special")).value_or(true);
  std::vector<std::int32_t> tokens;
  if (fields.find("messages") != nullptr) {
    const ChatRequest request = SLIP_TRY(parse_chat_request(fields, model->sampling));
    tokens = chat_tokens(tokenizer, SLIP_TRY(model->apply_template(request)));
  } else {
    const std::string text = prompt ? *prompt : SLIP_TRY(fields.required_string("content"));
    const bool add_special =
        prompt ? adds_special_tokens.value_or(true) : adds_special.value_or(false);
    tokens = tokenizer.encode(text, {.add_special = add_special, .parse_special = parse_special});
  }
  JsonWriter json;
  json.begin_object().key("tokens");
  if (SLIP_TRY(fields.boolean("with_pieces")).value_or(false)) {
    json.begin_array();
    for (const std::int32_t token : tokens) {
      json.begin_object().key("id").integer(token);
      json.key("piece").string(tokenizer.token_bytes(token)).end_object();
    }
    json.end_array();
  } else {
    json.integers(tokens);
  }
  json.key("count").integer(std::ssize(tokens)).key("max_model_len").integer(model->n_ctx);
  call->respond_json(json.end_object().take_value());
  return {};
}

// {"tokens": […]} → {"content": text, "prompt": text}, llama-server's name and vLLM's.
Reply<> detokenize(const CallRef& call, const Model& model) {
  const auto body = SLIP_TRY(parse_body(call->request().body));
  const Fields fields(body);
  const boost::json::value& list = *SLIP_TRY(fields.require("tokens"));
  if (!list.is_array()) return fields.wrong_type("tokens", "an array of tokens", list);
  std::vector<std::int32_t> tokens;
  for (const auto& item : list.get_array()) {
    const auto token = as_integer(item);
    if (!token || !model->tokenizer->contains(*token)) {
      return bad_field("tokens", "invalid_value", "expected tokens from 0 to {}",
                       model->tokenizer->n_vocab() - 1);
    }
    tokens.push_back(static_cast<std::int32_t>(*token));
  }
  const std::string text = model->tokenizer->decode(tokens, {.skip_special = false});
  JsonWriter json;
  json.begin_object().key("content").string(text).key("prompt").string(text);
  call->respond_json(json.end_object().take_value());
  return {};
}

// A chat request → {"prompt": the text that the model would see}.
Reply<> apply_template(const CallRef& call, const Model& model) {
  const auto body = SLIP_TRY(parse_body(call->request().body));
  const ChatRequest request = SLIP_TRY(parse_chat_request(Fields(body), model->sampling));
  const std::string text = SLIP_TRY(model->apply_template(request));
  call->respond_json(
      JsonWriter().begin_object().key("prompt").string(text).end_object().take_value());
  return {};
}

// What lm-eval wants to know of a remote tokenizer.
Reply<> tokenizer_info(const CallRef& call, const Model& model) {
  const Tokenizer& tokenizer = *model->tokenizer;
  JsonWriter json;
  const auto token = [&](const char* name, int id) {
    json.key(name);
    if (id == Tokenizer::kNone) {
      json.null();
    } else {
      json.string(tokenizer.token_bytes(id));
    }
  };
  json.begin_object().key("n_vocab").integer(tokenizer.n_vocab());
  token("bos_token", tokenizer.bos_id());
  token("eos_token", tokenizer.eos_id());
  token("pad_token", tokenizer.pad_id());
  json.key("add_bos_token").boolean(tokenizer.adds_bos());
  json.key("add_eos_token").boolean(tokenizer.adds_eos());
  json.key("model_max_length").integer(model->n_ctx).key("chat_template");
  if (model->chat_template_source.empty()) {
    json.null();
  } else {
    json.string(model->chat_template_source);
  }
  call->respond_json(json.end_object().take_value());
  return {};
}

void add_routes(Routes& routes, ServeContext&) {
  routes.add_model_route("POST", "/tokenize", tokenize);
  routes.add_model_route("POST", "/detokenize", detokenize);
  routes.add_model_route("POST", "/apply-template", apply_template);
  routes.add_model_route("GET", "/tokenizer_info", tokenizer_info);
}

}  // namespace

const Protocol& protocols_llama_server() {
  static const Protocol protocol{.name = "llama_server", .add_routes = add_routes};
  return protocol;
}

}  // namespace slip
