#include <fmt/format.h>

#include <chrono>
#include <future>
#include <optional>

#include "base/os/termination.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/server_log.h"
#include "cli/version.h"
#include "engine/chat_prompt.h"
#include "engine/draft_length.h"
#include "engine/engine_thread.h"
#include "net/url.h"
#include "serve/http_service.h"
#include "serve/kserve/inference_service.h"
#include "serve/rpc_server.h"

namespace slip {
namespace {

struct Options {
  ModelOptions model;
  SamplingOptions sampling;
  std::int64_t n_ctx = 0;
  std::int64_t max_model_len = 0;
  std::int64_t max_running = 64;
  std::int64_t max_waiting = 1024;
  std::int64_t kv_memory_mib = 0;
  std::int64_t itl_target_ms = 100;
  std::string spec_type = "ngram";
  std::int64_t spec_draft_n_max = 8;
  std::string draft_model;
  std::string chat_template, chat_template_file;
  std::string host = "127.0.0.1";
  int port = 8080;
  int grpc_port = -1;  // none
  std::vector<std::string> names;
  std::vector<std::string> api_keys;
  std::string api_key_file;
  std::string certificate, certificate_key;
  std::string origin;
  std::string log_format = "text";
  std::string log_file;
};

// What the model stands on.
struct Loaded {
  std::unique_ptr<Runtime> runtime;
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<EngineThread> engine;
};

Result<ApiKeys> read_keys(const Options& o) {
  ApiKeys keys;
  if (!o.api_key_file.empty()) keys = SLIP_TRY(ApiKeys::load(o.api_key_file));
  for (const std::string& key : o.api_keys) SLIP_TRY(keys.add(key));
  return keys;
}

std::string scheme(const Options& o) {
  return o.certificate.empty() ? "http" : "https";
}

Result<std::unique_ptr<HttpService>> listen(const Options& o, ServeContext& context) {
  ServerOptions server{.host = o.host, .port = static_cast<std::uint16_t>(o.port)};
  if (!o.certificate.empty()) {
    server.tls = TlsFiles{.certificate = o.certificate, .key = o.certificate_key};
  }
  return HttpService::start(context, std::move(server), o.origin);
}

Result<std::unique_ptr<RpcServer>> listen_grpc(const Options& o, InferenceServer& server) {
  RpcOptions rpc{.host = o.host, .port = static_cast<std::uint16_t>(o.grpc_port)};
  if (!o.certificate.empty()) {
    rpc.tls.emplace();
    rpc.tls->certificate = SLIP_TRY(read_input(o.certificate));
    rpc.tls->key = SLIP_TRY(read_input(o.certificate_key));
  }
  return start_rpc_server(rpc, server);
}

Result<std::shared_ptr<Loaded>> load_engine(const Options& o) {
  auto made = std::make_shared<Loaded>();
  Loaded& loaded = *made;
  SLIP_TRY(o.model.check_quality());
  loaded.runtime = SLIP_TRY(o.model.make_runtime());
  LoadOptions options = SLIP_TRY(o.model.load_options());
  options.n_ctx = o.max_model_len;
  // Without a limit, what as many sequences as may run could fill.
  constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;
  options.shared_kv =
      LoadOptions::SharedKv{.memory_bytes = static_cast<std::uint64_t>(o.kv_memory_mib) << 20,
                            .max_tokens = o.n_ctx > 0 ? o.n_ctx : kMostTokens};
  loaded.model = SLIP_TRY(load_model(o.model.path, *loaded.runtime, std::move(options)));
  loaded.engine = std::make_unique<EngineThread>(
      loaded.model->runner(),
      BatchEngineOptions{.max_running = o.max_running,
                         .itl_target_ns = o.itl_target_ms * 1'000'000,
                         .draft_max = o.spec_type == "none" ? 0 : o.spec_draft_n_max},
      o.max_waiting);
  return made;
}

std::string model_name(const std::string& path) {
  const std::filesystem::path file(path);
  return file.extension() == ".gguf" ? file.stem().string() : file.filename().string();
}

std::vector<std::string> names(const Options& o) {
  return o.names.empty() ? std::vector<std::string>{model_name(o.model.path)} : o.names;
}

Result<std::shared_ptr<ServedModel>> describe(const Options& o, const Loaded& loaded) {
  LoadedModel& model = *loaded.model;
  auto served = std::make_shared<ServedModel>();
  served->names = names(o);
  served->version = std::string(version());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  served->created_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  served->engine = loaded.engine.get();
  served->tokenizer = model.tokenizer();
  served->grammars = std::make_shared<GrammarCache>(*model.tokenizer());
  served->chat_template_source = o.chat_template;
  if (!o.chat_template_file.empty()) {
    served->chat_template_source = SLIP_TRY(read_input(o.chat_template_file));
  }
  if (served->chat_template_source.empty()) {
    served->chat_template_source = SLIP_TRY(model.source().chat_template());
  }
  if (!served->chat_template_source.empty()) {
    served->chat_template =
        SLIP_TRY(make_chat_template(*model.tokenizer(), served->chat_template_source));
    served->tool_format = tool_format(served->chat_template_source);
  }
  served->sampling = SLIP_TRY(o.sampling.params(model.source()));
  ModelRunner& runner = model.runner();
  served->n_ctx = std::min(runner.n_ctx(), std::int64_t{runner.kv().n_pages()} * kKvPageTokens);
  served->n_ctx_train = model.config().context_length;
  served->d_model = model.config().d_model;
  served->size_bytes = model.source().tensor_bytes();
  return served;
}

std::string summary(const ServedModel& served, const Loaded& loaded) {
  const KvStore& kv = loaded.model->runner().kv();
  const std::int64_t n_pages = kv.n_pages();
  return fmt::format("{}, {} tokens a request, {} in the KV cache ({} MiB), {} threads",
                     served.names.front(), served.n_ctx, n_pages * kKvPageTokens,
                     (static_cast<std::uint64_t>(n_pages) * kv.page_bytes()) >> 20,
                     loaded.runtime->pool().n_threads());
}

// As often as clients unload it and load it again. `about` is the first time's.
Result<ModelRepository::Loaded> load(const Options& o, std::string& about) {
  const auto loaded = SLIP_TRY(load_engine(o));
  auto served = SLIP_TRY(describe(o, *loaded));
  if (about.empty()) about = summary(*served, *loaded);
  return ModelRepository::Loaded{.model = std::move(served), .owner = loaded};
}

// Until the server has been asked to end, and what was under way has ended.
struct Servers {
  std::unique_ptr<HttpService> http;
  std::unique_ptr<RpcServer> grpc;  // null: without

  std::size_t n_open() const {
    return http->n_connections() + (grpc != nullptr ? grpc->n_calls() : 0);
  }
};
void serve_until_signal(Servers& servers, TerminationSignals& signals, ServerLog& log) {
  signals.wait_ms(-1);
  servers.http->stop();
  if (servers.grpc != nullptr) servers.grpc->stop();
  log.event(fmt::format("stopping: {} connections are open, a second signal ends at once",
                        servers.n_open()));
  while (servers.n_open() > 0) {
    if (signals.wait_ms(20)) signals.obey();
  }
  servers.http->wait();
}

// Waits for it; a signal ends the program meanwhile.
Result<> load_first(ModelRepository& repository, TerminationSignals& signals) {
  const auto first = std::make_shared<std::promise<Result<>>>();
  auto loading = first->get_future();
  SLIP_TRY(repository.load([first](const Result<>& result) { first->set_value(result); }));
  while (loading.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (signals.wait_ms(20)) signals.obey();
  }
  return loading.get();
}

Result<int> run(const Options& o, const Invocation&) {
  TerminationSignals signals;
  const auto format = o.log_format == "json" ? ServerLog::Format::kJson : ServerLog::Format::kText;
  const auto log = SLIP_TRY(ServerLog::open(format, o.log_file));
  ApiKeys keys = SLIP_TRY(read_keys(o));
  std::string about;  // the model, by whom it is loaded first
  ServeContext context({.version = std::string(version()),
                        .keys = std::move(keys),
                        .log = [&log](const LogEntry& entry) { log->write(entry); }});
  context.repository().set_source(
      {.names = names(o), .load = [&o, &about] { return load(o, about); }});
  InferenceService inference(context);
  Servers servers;
  servers.http = SLIP_TRY(listen(o, context));
  if (o.grpc_port >= 0) servers.grpc = SLIP_TRY(listen_grpc(o, inference));
  const std::string host = url_host(o.host);
  log->event(fmt::format("listening on {}://{}:{}", scheme(o), host, servers.http->port()));
  if (servers.grpc != nullptr) {
    log->event(fmt::format("listening on {}://{}:{}", o.certificate.empty() ? "grpc" : "grpcs",
                           host, servers.grpc->port()));
  }
  SLIP_TRY(load_first(context.repository(), signals));
  log->event("ready: " + about);
  serve_until_signal(servers, signals, *log);
  servers.grpc.reset();
  return kExitOk;
}

void declare_server(Options& o, Arguments& args) {
  args.section("Server");
  args.add("--host", o.host, "address or name to listen on; :: is every one");
  args.add("--port", o.port, "port; 0: any that is free, which is printed",
           {.min = 0, .max = 65535});
  args.add("--grpc-port", o.grpc_port,
           "port for KServe v2 over gRPC; 0: any that is free, which is printed",
           {.min = 0, .max = 65535});
  args.add("-a,--alias,--served-model-name", o.names,
           "what clients call the model; may be repeated (default: the file's name)");
  args.add("--api-key", o.api_keys, "a key that lets clients in; may be repeated");
  args.add_path("--api-key-file", o.api_key_file, "a file of keys, one a line");
  args.add_path("--ssl-cert-file", o.certificate, "serve HTTPS: certificate chain, PEM");
  args.add_path("--ssl-key-file", o.certificate_key, "its private key, PEM");
  args.add("--cors-origin", o.origin, "origin whose web pages may ask; * for all");
  args.add_choice("--log-format", o.log_format, {"text", "json"},
                  "lines of the log: text, or a JSON object each");
  args.add_path("--log-file", o.log_file, "append the log to a file (default: standard error)");
  args.require([&o]() -> Result<> {
    if (o.certificate.empty() == o.certificate_key.empty()) return {};
    return invalid("--ssl-cert-file and --ssl-key-file: expected both or neither");
  });
}

void declare_engine(Options& o, Arguments& args) {
  args.section("Engine");
  args.add("-c,--ctx-size", o.n_ctx,
           "tokens in the KV cache, of all requests together (0: as --kv-memory allows)",
           kNotNegative);
  args.add("--max-model-len", o.max_model_len,
           "tokens of one request and its answer (0: what the model was trained for)",
           kNotNegative);
  args.add("--kv-memory", o.kv_memory_mib,
           "MiB for the KV cache (0: half of the memory that is available)",
           {.min = 0, .max = 1 << 30});
  args.add("-np,--parallel,--max-num-seqs", o.max_running,
           "requests that are answered at the same time", {.min = 1, .max = 65536});
  args.add("--queue", o.max_waiting, "requests that may wait; beyond, clients get 429",
           {.min = 1, .max = 1 << 20});
  args.add("--itl-target-ms", o.itl_target_ms,
           "time between a request's tokens to keep to while prompts of others are read",
           {.min = 1, .max = 3'600'000});
  args.add_choice("--spec-type", o.spec_type, {"ngram", "none"},
                  "guess what a text repeats, where that pays, or nothing");
  args.add("--draft-max,--spec-draft-n-max", o.spec_draft_n_max, "tokens to guess ahead at most",
           {.min = 0, .max = kMostDrafted});
  args.add_path("-md,--model-draft,--spec-draft-model", o.draft_model,
                "refused: only run and chat guess by a smaller model");
  args.require([&o]() -> Result<> {
    if (o.draft_model.empty()) return {};
    return invalid("-md: serve guesses by what texts repeat (--spec-type ngram), not by a model");
  });
  args.add("--chat-template", o.chat_template, "Jinja template instead of the model's");
  args.add_path("--chat-template-file", o.chat_template_file, "the same, from a file");
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.declare_for_serving(args);
  declare_server(*o, args);
  declare_engine(*o, args);
  o->model.declare_quality(args);
  o->sampling.declare(args);
  return [o](const Invocation& invocation) { return run(*o, invocation); };
}

}  // namespace

const Command& commands_serve() {
  static const Command command{
      .name = "serve",
      .summary = "answer requests over HTTP and gRPC (OpenAI API, KServe v2)",
      .group = "Use",
      .setup = setup};
  return command;
}

}  // namespace slip
