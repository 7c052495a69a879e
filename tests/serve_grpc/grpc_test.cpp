// KServe v2 over gRPC, on a runner that makes tokens up.
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <inference.grpc.pb.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "net/net_support.h"
#include "serve/grpc/grpc_server.h"
#include "serve/kserve/inference_service.h"
#include "serve/kserve/tensor_data.h"
#include "serve/serve_support.h"
#include "support/temp_dir.h"

namespace slip {
namespace {

using Code = grpc::StatusCode;
using test::eventually;
using Stub = inference::GRPCInferenceService::Stub;

class GrpcTest : public testing::Test {
 protected:
  void start(const test::ServerSetup& setup = {}, RpcOptions options = {}) {
    server_ = std::make_unique<test::TestServer>(setup);
    service_ = std::make_unique<InferenceService>(server_->context());
    auto started = start_grpc_server(options, *service_);
    ASSERT_TRUE(started) << started.error().message;
    grpc_ = std::move(*started);
    stub_ = connect();
  }
  std::unique_ptr<Stub> connect() const {
    return inference::GRPCInferenceService::NewStub(grpc::CreateChannel(
        fmt::format("127.0.0.1:{}", grpc_->port()), grpc::InsecureChannelCredentials()));
  }

  static inference::ModelInferRequest ask(const std::string& text, std::int64_t max_tokens = 6) {
    inference::ModelInferRequest request;
    request.set_model_name("tiny");
    auto& input = *request.add_inputs();
    input.set_name("text_input");
    input.set_datatype("BYTES");
    input.add_shape(1);
    input.mutable_contents()->add_bytes_contents(text);
    auto& parameters = *request.mutable_parameters();
    parameters["max_tokens"].set_int64_param(max_tokens);
    parameters["temperature"].set_double_param(0);
    parameters["ignore_eos"].set_bool_param(true);
    return request;
  }
  grpc::Status infer(const inference::ModelInferRequest& request,
                     inference::ModelInferResponse& response) {
    grpc::ClientContext context;
    return stub_->ModelInfer(&context, request, &response);
  }
  grpc::Status infer(const inference::ModelInferRequest& request) {
    inference::ModelInferResponse response;
    return infer(request, response);
  }
  static std::string text_of(const inference::ModelInferResponse& response, int output = 0) {
    InferTensor tensor{.name = "text_output",
                       .datatype = "BYTES",
                       .is_raw = true,
                       .raw = response.raw_output_contents(output)};
    EXPECT_TRUE(decode_raw(tensor, 1));
    return tensor.texts.at(0);
  }
  std::string completion(const std::string& prompt, int max_tokens = 6) {
    const auto answer = server_->post(
        "/v1/completions",
        fmt::format(R"({{"prompt": "{}", "max_tokens": {}, "temperature": 0, "ignore_eos": true}})",
                    prompt, max_tokens));
    return std::string(answer.at("choices").at(0).at("text").as_string());
  }

  std::unique_ptr<test::TestServer> server_;
  std::unique_ptr<InferenceService> service_;
  std::unique_ptr<RpcServer> grpc_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(GrpcTest, TellsOfServerAndModel) {
  start();
  grpc::ClientContext contexts[5];
  inference::ServerLiveResponse live;
  EXPECT_TRUE(stub_->ServerLive(&contexts[0], {}, &live).ok());
  EXPECT_TRUE(live.live());
  inference::ModelReadyRequest of;
  of.set_name("tiny");
  inference::ModelReadyResponse ready;
  EXPECT_TRUE(stub_->ModelReady(&contexts[1], of, &ready).ok());
  EXPECT_TRUE(ready.ready());
  of.set_version("2");
  EXPECT_EQ(stub_->ModelReady(&contexts[2], of, &ready).error_code(), Code::NOT_FOUND);
  inference::ModelConfigRequest asked;
  asked.set_name("tiny");
  inference::ModelConfigResponse config;
  EXPECT_TRUE(stub_->ModelConfig(&contexts[3], asked, &config).ok());
  EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_STRING);
  inference::ModelStatisticsResponse statistics;
  EXPECT_TRUE(stub_->ModelStatistics(&contexts[4], {}, &statistics).ok());
  EXPECT_EQ(statistics.model_stats_size(), 2);
}

TEST_F(GrpcTest, InfersWhatCompletionsGive) {
  start();
  auto request = ask("hello");
  request.set_id("a1");
  inference::ModelInferResponse response;
  ASSERT_TRUE(infer(request, response).ok());
  EXPECT_EQ(response.id(), "a1");
  EXPECT_EQ(response.model_version(), "1");
  EXPECT_EQ(text_of(response), completion("hello"));
  // The same as raw contents.
  request.mutable_inputs(0)->clear_contents();
  request.add_raw_input_contents(std::string("\5\0\0\0hello", 9));
  inference::ModelInferResponse again;
  ASSERT_TRUE(infer(request, again).ok());
  EXPECT_EQ(again.raw_output_contents(0), response.raw_output_contents(0));
}

TEST_F(GrpcTest, RefusesWhatIsWrong) {
  start();
  auto request = ask("hello");
  request.set_model_name("gpt");
  EXPECT_EQ(infer(request).error_code(), Code::NOT_FOUND);
  request = ask("hello");
  (*request.mutable_parameters())["tempurature"].set_double_param(1);
  const grpc::Status status = infer(request);
  EXPECT_EQ(status.error_code(), Code::INVALID_ARGUMENT);
  EXPECT_TRUE(status.error_message().starts_with("tempurature: ")) << status.error_message();
  request = ask("hello");
  (*request.mutable_parameters())["stream"].set_bool_param(true);
  EXPECT_EQ(infer(request).error_code(), Code::INVALID_ARGUMENT);
  request = ask("hello");
  (*request.mutable_parameters())["seed"];
  EXPECT_EQ(infer(request).error_code(), Code::INVALID_ARGUMENT);
  request = ask("hello");
  request.add_raw_input_contents(std::string("\6\0\0\0hello", 9));
  EXPECT_EQ(infer(request).error_code(), Code::INVALID_ARGUMENT);
  request.add_raw_input_contents("x");
  EXPECT_EQ(infer(request).error_code(), Code::INVALID_ARGUMENT);
  EXPECT_EQ(infer(ask(std::string(33 << 20, 'x'))).error_code(), Code::RESOURCE_EXHAUSTED);
  server_->runner().failure = "out of luck";
  EXPECT_EQ(infer(ask("hello")).error_code(), Code::INTERNAL);
}

TEST_F(GrpcTest, AsksForKeys) {
  start({.keys = {"secret"}});
  EXPECT_EQ(infer(ask("hello")).error_code(), Code::UNAUTHENTICATED);
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer secret");
  inference::ModelInferResponse response;
  EXPECT_TRUE(stub_->ModelInfer(&context, ask("hello"), &response).ok());
  grpc::ClientContext stream_context;
  const auto stream = stub_->ModelStreamInfer(&stream_context);
  stream->Write(ask("hello"));
  EXPECT_EQ(stream->Finish().error_code(), Code::UNAUTHENTICATED);
  grpc::ClientContext unload_context;
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("tiny");
  inference::RepositoryModelUnloadResponse unloaded;
  EXPECT_EQ(stub_->RepositoryModelUnload(&unload_context, unload, &unloaded).error_code(),
            Code::UNAUTHENTICATED);
}

// Lines of the log, as text.
class Lines {
 public:
  LogSink sink() {
    return [this](const LogEntry& entry) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(to_text(entry));
    };
  }
  bool have(std::string_view part) {
    return eventually([&] { return count(part) > 0; });
  }
  std::int64_t count(std::string_view part) {
    const std::lock_guard lock(mutex_);
    return std::count_if(lines_.begin(), lines_.end(), [part](const std::string& line) {
      return line.find(part) != std::string::npos;
    });
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(GrpcTest, LogsWhatIsWorthALine) {
  Lines lines;
  start({.keys = {"secret"}, .log = lines.sink()});
  const auto with_key = [](grpc::ClientContext& context) -> grpc::ClientContext* {
    context.AddMetadata("authorization", "Bearer secret");
    return &context;
  };
  grpc::ClientContext contexts[7];
  inference::ModelMetadataResponse metadata;
  EXPECT_FALSE(stub_->ModelMetadata(&contexts[0], {}, &metadata).ok());
  EXPECT_TRUE(lines.have("gRPC ModelMetadata 401 "));
  EXPECT_FALSE(stub_->ModelStreamInfer(&contexts[1])->Finish().ok());
  EXPECT_TRUE(lines.have("gRPC ModelStreamInfer 401 "));
  inference::ServerLiveResponse live;
  EXPECT_TRUE(stub_->ServerLive(&contexts[2], {}, &live).ok());  // polled: no line
  for (const auto& [i, id] : {std::pair{3, "mine"}, {4, "not mine"}, {5, ""}}) {
    auto request = ask("hello");
    request.set_id(id);
    inference::ModelInferResponse response;
    EXPECT_TRUE(stub_->ModelInfer(with_key(contexts[i]), request, &response).ok());
    EXPECT_EQ(response.id(), id);  // told as it came
  }
  EXPECT_TRUE(lines.have("mine 127.0.0.1:"));
  EXPECT_TRUE(eventually([&] { return lines.count("gRPC ModelInfer 200 ") == 3; }));
  EXPECT_EQ(lines.count("not mine"), 0);
  EXPECT_EQ(lines.count("- 127.0.0.1"), 0);
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("tiny");
  inference::RepositoryModelUnloadResponse unloaded;
  EXPECT_TRUE(stub_->RepositoryModelUnload(with_key(contexts[6]), unload, &unloaded).ok());
  EXPECT_TRUE(lines.have("gRPC RepositoryModelUnload 200 "));
  EXPECT_EQ(lines.count("ServerLive"), 0);
}

TEST_F(GrpcTest, AddressesInTheLogAreThoseOfHttp) {
  Lines lines;
  RpcOptions options;
  options.host = "::1";
  server_ = std::make_unique<test::TestServer>(test::ServerSetup{.log = lines.sink()});
  service_ = std::make_unique<InferenceService>(server_->context());
  auto started = start_grpc_server(options, *service_);
  if (!started) GTEST_SKIP() << started.error().message;  // no IPv6
  grpc_ = std::move(*started);
  stub_ = inference::GRPCInferenceService::NewStub(grpc::CreateChannel(
      fmt::format("[::1]:{}", grpc_->port()), grpc::InsecureChannelCredentials()));
  EXPECT_TRUE(infer(ask("hello")).ok());
  EXPECT_TRUE(lines.have(" [::1]:"));
}

TEST_F(GrpcTest, CallsAreBounded) {
  start({}, {.max_calls = 2});
  grpc::ClientContext contexts[3];
  const auto first = stub_->ModelStreamInfer(&contexts[0]);
  const auto second = stub_->ModelStreamInfer(&contexts[1]);
  ASSERT_TRUE(eventually([&] { return grpc_->n_calls() == 2; }));
  const grpc::Status refused = infer(ask("hello"));
  EXPECT_EQ(refused.error_code(), Code::UNAVAILABLE);
  EXPECT_EQ(refused.error_message(), "too many calls: expected at most 2 at a time");
  EXPECT_EQ(stub_->ModelStreamInfer(&contexts[2])->Finish().error_code(), Code::UNAVAILABLE);
  first->WritesDone();
  EXPECT_TRUE(first->Finish().ok());
  ASSERT_TRUE(eventually([&] { return grpc_->n_calls() == 1; }));
  EXPECT_TRUE(infer(ask("hello")).ok());
  second->WritesDone();
  EXPECT_TRUE(second->Finish().ok());
}

TEST_F(GrpcTest, ATimeoutThatExpiresIsAnError) {
  start();
  auto request = ask("hello");
  (*request.mutable_parameters())["timeout"].set_int64_param(1);
  EXPECT_EQ(infer(request).error_code(), Code::DEADLINE_EXCEEDED);
}

TEST_F(GrpcTest, CountsRequestsThatItRefuses) {
  start();
  auto request = ask("hello");
  request.add_raw_input_contents("x");
  request.add_raw_input_contents("y");
  EXPECT_FALSE(infer(request).ok());
  request = ask("hello");
  (*request.mutable_parameters())["tempurature"].set_double_param(1);
  EXPECT_FALSE(infer(request).ok());
  EXPECT_NE(server_->get("/metrics").body.find("reason=\"OTHER\"} 2\n"), std::string::npos);
}

TEST_F(GrpcTest, StreamsPiecesOfManyRequests) {
  start();
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  constexpr int kRequests = 100;  // more than a stream has open at a time
  for (int i = 0; i < kRequests; ++i) {
    auto request = ask("hello", 8);
    request.set_id(std::to_string(i));
    (*request.mutable_parameters())["stream"].set_bool_param(i % 2 == 0);
    (*request.mutable_parameters())["triton_enable_empty_final_response"].set_bool_param(i % 4 < 2);
    if (i == 5) request.set_model_name("gpt");
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  std::map<std::string, std::string> texts;
  std::map<std::string, int> n_final;
  std::string error;
  inference::ModelStreamInferResponse message;
  while (stream->Read(&message)) {
    const auto& response = message.infer_response();
    if (!message.error_message().empty()) error = response.id() + ": " + message.error_message();
    if (response.outputs_size() > 0) texts[response.id()] += text_of(response);
    n_final[response.id()] += response.parameters().at("triton_final_response").bool_param();
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(error, "5: model: 'gpt' is not served here, 'tiny' is");
  const std::string expected = completion("hello", 8);
  ASSERT_EQ(texts.size(), kRequests - 1u);
  for (const auto& [id, text] : texts) EXPECT_EQ(text, expected) << id;
  ASSERT_EQ(n_final.size(), static_cast<std::size_t>(kRequests));
  for (const auto& [id, n] : n_final) EXPECT_EQ(n, 1) << id;
  EXPECT_TRUE(eventually([&] { return grpc_->n_calls() == 0; }));
}

TEST_F(GrpcTest, CancelsWhenTheClientLeaves) {
  start({.runner = {.n_ctx = 100'000, .n_pages = 4096}});
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  auto request = ask("hello", 90'000);
  (*request.mutable_parameters())["stream"].set_bool_param(true);
  ASSERT_TRUE(stream->Write(request));
  inference::ModelStreamInferResponse message;
  ASSERT_TRUE(stream->Read(&message));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), Code::CANCELLED);
  grpc::ClientContext impatient;
  impatient.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  inference::ModelInferResponse response;
  EXPECT_EQ(stub_->ModelInfer(&impatient, ask("hello", 90'000), &response).error_code(),
            Code::DEADLINE_EXCEEDED);
  EXPECT_TRUE(eventually([&] { return server_->engine().stats().n_running == 0; }));
  EXPECT_TRUE(eventually([&] { return grpc_->n_calls() == 0; }));
  EXPECT_LT(server_->engine().stats().n_generated, 180'000);
  EXPECT_TRUE(infer(ask("hello")).ok());
}

TEST_F(GrpcTest, ReadsOfASlowClientComeInFewerPieces) {
  start({.runner = {.n_ctx = 20'000, .n_pages = 1024}});
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  auto request = ask("hello", 15'000);
  (*request.mutable_parameters())["stream"].set_bool_param(true);
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  ASSERT_TRUE(eventually([&] { return server_->engine().stats().n_generated == 15'000; }));
  std::string text;
  inference::ModelStreamInferResponse message;
  while (stream->Read(&message)) text += text_of(message.infer_response());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(text, completion("hello", 15'000));
}

TEST_F(GrpcTest, StopLetsCallsEnd) {
  start();
  grpc::ClientContext idle_context;
  const auto idle = stub_->ModelStreamInfer(&idle_context);
  auto request = ask("hello", 100);
  ASSERT_TRUE(idle->Write(request));
  inference::ModelStreamInferResponse message;
  ASSERT_TRUE(idle->Read(&message));
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  std::atomic<bool> is_held{true}, has_begun{false};
  server_->runner().on_pass = [&](const ForwardBatch&) {
    has_begun = true;
    while (is_held) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(eventually([&] { return has_begun.load(); }));
  grpc_->stop();
  EXPECT_FALSE(idle->Read(&message));  // nothing was under way
  EXPECT_TRUE(idle->Finish().ok());
  is_held = false;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.error_message().empty()) << message.error_message();
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(eventually([&] { return grpc_->n_calls() == 0; }));
}

TEST_F(GrpcTest, UnloadsAndLoadsAgain) {
  start();
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("tiny");
  grpc::ClientContext contexts[3];
  inference::RepositoryModelUnloadResponse unloaded;
  ASSERT_TRUE(stub_->RepositoryModelUnload(&contexts[0], unload, &unloaded).ok());
  EXPECT_EQ(infer(ask("hello")).error_code(), Code::UNAVAILABLE);
  inference::RepositoryModelLoadRequest load;
  load.set_model_name("tiny");
  inference::RepositoryModelLoadResponse loaded;
  ASSERT_TRUE(stub_->RepositoryModelLoad(&contexts[1], load, &loaded).ok());
  EXPECT_TRUE(infer(ask("hello")).ok());
  inference::RepositoryIndexResponse index;
  ASSERT_TRUE(stub_->RepositoryIndex(&contexts[2], {}, &index).ok());
  EXPECT_EQ(index.models(0).state(), "READY");
}

TEST_F(GrpcTest, ATakenPortIsAnError) {
  start();
  const auto second = start_grpc_server({.port = grpc_->port()}, *service_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kIo);
}

TEST_F(GrpcTest, OverTls) {
  start();
  const test::TempDir folder;
  const TlsFiles files = test::make_certificate(folder.path());
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string certificate = read(files.certificate);
  const auto secure = start_grpc_server(
      {.tls = RpcOptions::Tls{.certificate = certificate, .key = read(files.key)}}, *service_);
  ASSERT_TRUE(secure) << secure.error().message;
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = certificate;
  const auto stub = inference::GRPCInferenceService::NewStub(grpc::CreateChannel(
      fmt::format("localhost:{}", (*secure)->port()), grpc::SslCredentials(options)));
  grpc::ClientContext context;
  inference::ServerReadyResponse response;
  const grpc::Status status = stub->ServerReady(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.ready());
  EXPECT_FALSE(
      start_grpc_server({.tls = RpcOptions::Tls{.certificate = "x", .key = "y"}}, *service_));
}

// Frames of HTTP/2 (RFC 9113, section 4.1).
std::string frame(char type, char flags, char stream, std::string_view payload,
                  std::size_t claimed) {
  std::string bytes;
  for (const int shift : {16, 8, 0}) bytes += static_cast<char>(claimed >> shift & 0xff);
  bytes += type;
  bytes += flags;
  bytes += std::string(3, '\0');
  bytes += stream;
  return bytes.append(payload);
}

TEST_F(GrpcTest, LivesOnAfterGarbage) {
  start();
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string settings = frame(4, 0, 0, "", 0);
  // HPACK without compression: POST, http, the path, and what gRPC asks for.
  std::string headers = "\x83\x86";
  const auto literal = [&headers](std::string_view name, std::string_view value) {
    headers += '\0';
    headers += static_cast<char>(name.size());
    headers += name;
    headers += static_cast<char>(value.size());
    headers += value;
  };
  literal(":path", "/inference.GRPCInferenceService/ModelInfer");
  literal(":authority", "x");
  literal("content-type", "application/grpc");
  literal("te", "trailers");
  const std::string call = preface + settings + frame(1, 4, 1, headers, headers.size());
  std::vector<std::string> attempts = {
      "GET / HTTP/1.1\r\n\r\n",
      std::string(1000, '\xff'),
      preface + std::string(1000, '\xff'),
      preface + settings + frame(1, 4, 1, "\xff\xff\xff\xff", 4),
      preface + settings + frame(1, 4, 1, headers.substr(0, 20), headers.size()),    // cut off
      call,                                                                          // no message
      call + frame(0, 1, 1, std::string("\0\0\0\0\5\x0a\xff\xff\xff\x7f", 10), 10),  // not protobuf
      call + frame(0, 1, 1, std::string("\0\xff\xff\xff\xff", 5), 5),  // a message of 4 GB
      call + frame(0, 1, 1, std::string("\1\0\0\0\1x", 6), 6),         // compressed, it says
      call + frame(0, 1, 1, std::string("\0\0\0\0\x7fx", 6), 6),       // cut off
  };
  std::mt19937 random(1);
  for (int i = 0; i < 40; ++i) {
    std::string noise(200, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    attempts.push_back((i % 2 == 0 ? call : preface + settings) + noise);
  }
  for (const std::string& bytes : attempts) {
    test::RawSocket socket(grpc_->port());
    socket.send(bytes);
    socket.receive();  // its settings, or the end
  }
  EXPECT_TRUE(infer(ask("hello")).ok());
  EXPECT_TRUE(eventually([&] { return grpc_->n_calls() == 0; }));
  EXPECT_EQ(server_->get("/health").status, 200);
}

}  // namespace
}  // namespace slip
