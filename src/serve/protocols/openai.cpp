// The OpenAI API: chat, completions, embeddings, models.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cmath>

#include "engine/chat_prompt.h"
#include "serve/openai/answers.h"
#include "serve/protocol.h"

namespace slip {
namespace {

using Model = std::shared_ptr<const ServedModel>;
using CallRef = std::shared_ptr<Call>;

ResponseHead make_head(const Call& call, const ServedModel& model, std::string_view prefix) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {.id = std::string(prefix) + call.request().id,
          .created_s = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
          .model = model.names.front(),
          .fingerprint = "slipstream-" + model.version};
}

std::vector<std::int32_t> tokens_called(const Tokenizer& tokenizer,
                                        const std::vector<std::string_view>& names) {
  std::vector<std::int32_t> tokens;
  for (const std::string_view name : names) {
    const auto token = tokenizer.find_token(name);
    if (token && tokenizer.is_special(*token)) tokens.push_back(*token);
  }
  return tokens;
}

// Any of these calls, and nothing else, as JSON.
std::string schema_of_calls(const boost::json::array& tools, const ToolChoice& choice) {
  boost::json::array calls;
  for (const auto& tool : tools) {
    const boost::json::object& function = tool.at("function").as_object();
    const boost::json::value& name = function.at("name");
    const bool is_wanted = choice.kind == ToolChoice::Kind::kRequired ||
                           std::string_view(name.get_string()) == choice.name;
    if (!is_wanted) continue;
    const boost::json::value* parameters = function.if_contains("parameters");
    const boost::json::value any = boost::json::object{{"type", "object"}};
    const bool has_parameters = parameters != nullptr && parameters->is_object();
    calls.push_back(boost::json::object{
        {"type", "object"},
        {"properties", boost::json::object{{"name", boost::json::object{{"const", name}}},
                                           {"arguments", has_parameters ? *parameters : any}}},
        {"required", boost::json::array{"name", "arguments"}},
        {"additionalProperties", false}});
  }
  return boost::json::serialize(boost::json::object{{"anyOf", std::move(calls)}});
}

// Work for the engine, and how its answer is told.
struct Task {
  Generation generation;
  AnswerOptions answer;
};

void prepare_tools(const ChatRequest& request, const ServedModel& model, Task& task) {
  using Choice = ToolChoice::Kind;
  auto& [generation, answer] = task;
  switch (request.tool_choice.kind) {
    case Choice::kNone:
      return;
    case Choice::kAuto:
      answer.tools = model.tool_format;
      answer.calls =
          request.parallel_tool_calls ? ToolCallParser::Calls::kMany : ToolCallParser::Calls::kOne;
      generation.shown = tokens_called(*model.tokenizer, tool_marks(*model.tool_format));
      return;
    case Choice::kRequired:
    case Choice::kFunction:
      // Whatever form the model was trained on, it can't but write this one.
      answer.tools = ToolFormat::kLlama3;
      answer.calls = ToolCallParser::Calls::kOne;
      generation.options.format = {.kind = ResponseFormat::Kind::kJsonSchema,
                                   .source = schema_of_calls(request.tools, request.tool_choice)};
      return;
  }
}

Reply<> chat(const CallRef& call, const Model& model) {
  const auto body = SLIP_TRY(parse_body(call->request().body));
  ChatRequest request = SLIP_TRY(parse_chat_request(Fields(body), model->sampling));
  SLIP_TRY(model->check_name(request.model));
  const std::string text = SLIP_TRY(model->apply_template(request));
  std::vector<std::int32_t> tokens = chat_tokens(*model->tokenizer, text);
  SLIP_TRY(model->check_length(std::ssize(tokens), 1, "messages"));
  Task task;
  task.generation.prompts.push_back(std::move(tokens));
  task.generation.options = std::move(request.options);
  task.answer.kind = AnswerKind::kChat;
  task.answer.head = make_head(*call, *model, "chatcmpl-");
  prepare_tools(request, *model, task);
  return generate(call, model, task.generation, std::move(task.answer));
}

Reply<> complete(const CallRef& call, const Model& model) {
  const auto body = SLIP_TRY(parse_body(call->request().body));
  CompletionRequest request = SLIP_TRY(parse_completion_request(Fields(body), model->sampling));
  SLIP_TRY(model->check_name(request.model));
  Generation generation;
  const std::int64_t room = request.options.max_tokens == 0 ? 0 : 1;
  for (const Prompt& prompt : request.prompts) {
    generation.prompts.push_back(SLIP_TRY(model->encode(prompt, "prompt", room)));
  }
  generation.options = std::move(request.options);
  generation.echo = request.echo;
  AnswerOptions answer{.kind = AnswerKind::kText, .head = make_head(*call, *model, "cmpl-")};
  return generate(call, model, generation, std::move(answer));
}

// Waits for all embeddings of a call.
class EmbeddingAnswer final : public OpenAiAnswer {
 public:
  EmbeddingAnswer(CallRef call, Model model, AnswerOptions answer_options, EmbeddingFormat format)
      : OpenAiAnswer(std::move(call), std::move(model), std::move(answer_options)),
        format_(format),
        embeddings_(options().n_choices) {}

  // Of length 1, as OpenAI's are.
  void on_embedding(std::size_t choice, std::span<const float> values) override {
    double square = 0;
    for (const float value : values)
      square += static_cast<double>(value) * static_cast<double>(value);
    const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
    for (const float value : values) {
      embeddings_[choice].push_back(static_cast<float>(static_cast<double>(value) * scale));
    }
  }

 private:
  Answer add(std::size_t, AnswerPiece) override { return Answer::kGoOn; }
  void complete(std::size_t, const RequestEnd&) override {}
  void respond(const AnswerSummary& usage) override {
    call().writer().respond(
        200, {"application/json",
              embedding_list(options().head.model, embeddings_, format_, usage.n_prompt)});
    call().finish(200, usage);
  }
  void fail(const ApiError& error) override { call().fail(error); }

  const EmbeddingFormat format_;
  std::vector<std::vector<float>> embeddings_;
};

Reply<> embed(const CallRef& call, const Model& model) {
  const auto body = SLIP_TRY(parse_body(call->request().body));
  const EmbeddingRequest request = SLIP_TRY(parse_embedding_request(Fields(body)));
  SLIP_TRY(model->check_name(request.model));
  AnswerOptions options;
  options.head = make_head(*call, *model, "embd-");
  options.n_choices = request.inputs.size();
  const auto answer = std::make_shared<EmbeddingAnswer>(
      call, model, std::move(options),
      request.base64 ? EmbeddingFormat::kBase64 : EmbeddingFormat::kNumbers);
  EngineWork work(model, answer,
                  {.client = client_id(call->request()), .name = call->request().id});
  for (const Prompt& input : request.inputs) {
    Request made;
    made.kind = RequestKind::kEmbedMean;
    made.prompt = SLIP_TRY(model->encode(input, "input", 0));
    made.max_tokens = 0;
    work.add(std::move(made), {});
  }
  call->writer().on_disconnect(work.submit());
  return {};
}

void write_model(JsonWriter& json, const ServedModel& model, const std::string& name) {
  json.begin_object().key("id").string(name).key("object").string("model");
  json.key("created").integer(model.created_s).key("owned_by").string("slipstream");
  json.key("root").string(model.names.front()).key("parent").null();
  json.key("max_model_len").integer(model.n_ctx);
  json.key("meta").begin_object().key("n_vocab").integer(model.tokenizer->n_vocab());
  json.key("n_ctx_train").integer(model.n_ctx_train).key("n_embd").integer(model.d_model);
  json.key("size").unsigned_integer(model.size_bytes);
  json.end_object().end_object();
}

Reply<> list_models(const CallRef& call, const Model& model) {
  JsonWriter json;
  json.begin_object().key("object").string("list").key("data").begin_array();
  for (const std::string& name : model->names) write_model(json, *model, name);
  call->respond_json(json.end_array().end_object().take_value());
  return {};
}

Reply<> show_model(const CallRef& call, const Model& model) {
  const std::string name(call->request().parameter("id"));
  SLIP_TRY(model->check_name(name));
  JsonWriter json;
  write_model(json, *model, name);
  call->respond_json(json.take_value());
  return {};
}

void add_routes(Routes& routes, ServeContext&) {
  // The second prefix is where KServe's clients look for the same.
  for (const std::string prefix : {"/v1", "/openai/v1"}) {
    routes.add_inference_route(prefix + "/chat/completions", chat);
    routes.add_inference_route(prefix + "/completions", complete);
    routes.add_inference_route(prefix + "/embeddings", embed);
    routes.add_model_route("GET", prefix + "/models", list_models);
    routes.add_model_route("GET", prefix + "/models/{id*}", show_model);
  }
}

}  // namespace

const Protocol& protocols_openai() {
  static const Protocol protocol{.name = "openai", .add_routes = add_routes};
  return protocol;
}

}  // namespace slip
