#include "net/client.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/os/clock.h"
#include "net/io/channel.h"
#include "net/message_parser.h"
#include "net/url.h"

namespace slip {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 16384;
constexpr std::size_t kMaxHeaderBytes = 65536;
constexpr std::int64_t kMaxWriteMs = 600'000;  // until the server takes some of the request

}  // namespace

struct HttpClient::Impl {
  // A request under way.
  struct Job {
    ClientRequest request;
    ClientCallbacks callbacks;
    std::int64_t deadline_ns = kNever;
    std::shared_ptr<Channel> channel;  // null between connections
    ClientResponse response;
    SseParser events;
    bool is_event_stream = false;
    bool has_answer = false;  // some of one
    Error error;              // set by what ends it early
    bool failed = false;

    void fail(ErrorKind kind, std::string message) {
      if (!failed) error = {.kind = kind, .message = std::move(message)};
      failed = true;
    }
  };

  void start(const std::shared_ptr<Job>& job);
  awaitable<void> perform(Job& job);
  awaitable<void> exchange(Job& job);
  awaitable<bool> connect(Job& job);
  awaitable<void> receive(Job& job, ResponseParser& parser);
  void take_body(Job& job, std::string_view bytes);
  std::string request_text(const ClientRequest& request) const;
  void stop();

  Url url;
  ClientOptions options;
  asio::io_context context{1};
  std::unique_ptr<TlsContext> tls;
  std::vector<tcp::endpoint> endpoints;
  std::vector<std::shared_ptr<Channel>> idle;
  std::unordered_set<std::shared_ptr<Job>> jobs;
  std::unordered_set<std::shared_ptr<asio::steady_timer>> timers;
  bool stopped = false;
};

// The completion handler keeps the job until all is done.
void HttpClient::Impl::start(const std::shared_ptr<Job>& job) {
  jobs.insert(job);
  asio::co_spawn(context, perform(*job), [this, job](const std::exception_ptr& exception) {
    jobs.erase(job);
    if (exception) job->fail(ErrorKind::kIo, "request: out of memory");
    job->response.timings.done_ns = now_ns();
    if (!job->callbacks.on_done) return;
    if (job->failed) {
      job->callbacks.on_done(tl::unexpected(std::move(job->error)));
    } else {
      job->callbacks.on_done(std::move(job->response));
    }
  });
}

awaitable<void> HttpClient::Impl::perform(Job& job) {
  ClientTimings& timings = job.response.timings;
  for (;;) {
    if (stopped) job.fail(ErrorKind::kCancelled, "request: stopped");
    if (job.failed) co_return;
    timings.reused_connection = !idle.empty();
    if (timings.reused_connection) {
      job.channel = std::move(idle.back());
      idle.pop_back();
    } else {
      const bool connected = co_await connect(job);
      if (!connected) co_return;
    }
    timings.connected_ns = now_ns();
    co_await exchange(job);
    job.channel.reset();
    const bool was_stale = job.failed && timings.reused_connection && !job.has_answer &&
                           job.error.kind == ErrorKind::kIo && now_ns() < job.deadline_ns;
    if (!was_stale) co_return;
    job.failed = false;
  }
}

awaitable<bool> HttpClient::Impl::connect(Job& job) {
  const std::int64_t deadline_ns =
      std::min(job.deadline_ns, deadline_after_ms(options.connect_timeout_ms));
  std::string reason;
  for (const tcp::endpoint& endpoint : endpoints) {
    job.channel = std::make_shared<Channel>(tcp::socket(context), tls.get());
    bool connected = co_await job.channel->connect(endpoint, deadline_ns);
    if (connected) connected = co_await job.channel->start_tls(url.host, deadline_ns);
    if (connected) co_return true;
    reason = job.channel->error();
    job.channel->cut();
    if (stopped) break;
  }
  if (stopped) job.fail(ErrorKind::kCancelled, "request: stopped");
  job.fail(ErrorKind::kIo, fmt::format("{}: cannot connect: {}", url.authority(), reason));
  co_return false;
}

// On an open connection, which is kept when it can be.
awaitable<void> HttpClient::Impl::exchange(Job& job) {
  const auto body =
      job.request.method == "HEAD" ? ResponseParser::Body::kNone : ResponseParser::Body::kAsSent;
  ResponseParser parser(
      {.header_bytes = kMaxHeaderBytes, .body_bytes = options.max_body_bytes}, body,
      {.on_head =
           [&job](ResponseParser::Head head) {
             job.response.timings.head_ns = job.channel->received_ns();
             job.response.status = head.status;
             job.response.headers = std::move(head.headers);
             const std::string* type = job.response.headers.find("Content-Type");
             job.is_event_stream = job.callbacks.on_event && type != nullptr &&
                                   type->starts_with("text/event-stream");
           },
       .on_body = [this, &job](std::string_view bytes) { take_body(job, bytes); }});
  const std::string text = request_text(job.request);
  const std::int64_t left_ms = (job.deadline_ns - now_ns()) / 1'000'000;
  // A server may answer, and hang up, before it has read everything: what it says counts.
  co_await job.channel->write(text, std::clamp<std::int64_t>(left_ms, 1, kMaxWriteMs));
  job.response.timings.sent_ns = now_ns();
  co_await receive(job, parser);
  const bool reusable = !job.failed && parser.keeps_alive() && job.channel->input().empty() &&
                        !job.channel->input_ended();
  if (reusable) {
    idle.push_back(job.channel);
  } else {
    job.channel->cut();
  }
}

awaitable<void> HttpClient::Impl::receive(Job& job, ResponseParser& parser) {
  Channel& channel = *job.channel;
  while (!parser.is_done() && !job.failed) {
    if (!channel.input().empty()) {
      job.has_answer = true;
      const auto used = parser.feed(channel.input());
      if (!used) co_return job.fail(used.error().kind, used.error().message);
      const bool stands_still = *used == 0;
      channel.consume(*used);
      if (!stands_still) continue;
    }
    if (channel.input_ended()) {
      const auto finished = parser.finish();
      if (!finished) job.fail(finished.error().kind, finished.error().message);
      co_return;
    }
    channel.start_read(kReadBytes);
    const bool in_time = co_await channel.wait(job.deadline_ns);
    if (stopped) job.fail(ErrorKind::kCancelled, "request: stopped");
    if (!in_time) {
      job.fail(ErrorKind::kIo, fmt::format("{}: no complete response within {} ms", url.authority(),
                                           job.request.timeout_ms));
    }
  }
}

void HttpClient::Impl::take_body(Job& job, std::string_view bytes) {
  if (job.failed) return;
  if (!job.is_event_stream) {
    job.response.body += bytes;
    return;
  }
  const auto fed = job.events.feed(bytes, [&job](const SseEvent& event) {
    if (job.failed) return;
    const auto next = job.callbacks.on_event(event, job.channel->received_ns());
    if (next == ClientCallbacks::Next::kStop) job.fail(ErrorKind::kCancelled, "request: hung up");
  });
  if (!fed) job.fail(fed.error().kind, fed.error().message);
}

std::string HttpClient::Impl::request_text(const ClientRequest& request) const {
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n", request.method, url.path,
                                 request.target, url.authority());
  request.headers.append_to(text);
  if (!request.body.empty() || request.method == "POST") {
    if (request.headers.find("Content-Type") == nullptr) {
      text += "Content-Type: application/json\r\n";
    }
    text += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  text += "\r\n";
  return text + request.body;
}

void HttpClient::Impl::stop() {
  stopped = true;
  for (const auto& job : jobs) {
    if (job->channel) job->channel->cut();
  }
  for (const auto& timer : timers) timer->cancel();
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() {
  stop();
  run();
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(std::string_view url,
                                                       ClientOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->url = SLIP_TRY(parse_url(url));
  if (impl->url.path.ends_with('/')) impl->url.path.pop_back();
  impl->options = std::move(options);
  if (impl->url.is_tls && impl->options.verify == ClientOptions::Verify::kNothing) {
    impl->tls = client_tls_unverified();
  } else if (impl->url.is_tls) {
    impl->tls = SLIP_TRY(client_tls(impl->options.ca_file));
  }
  error_code error;
  tcp::resolver resolver(impl->context);
  const auto found = resolver.resolve(impl->url.host, std::to_string(impl->url.port), error);
  for (const auto& entry : found) impl->endpoints.push_back(entry.endpoint());
  if (error || impl->endpoints.empty()) {
    return slip::fail(ErrorKind::kNotFound, "{}: cannot look up the host: {}", impl->url.host,
                      error.message());
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

void HttpClient::send(ClientRequest request, ClientCallbacks callbacks) {
  auto job = std::make_shared<Impl::Job>();
  job->request = std::move(request);
  job->callbacks = std::move(callbacks);
  job->events = SseParser(impl_->options.max_body_bytes);
  job->deadline_ns = deadline_after_ms(job->request.timeout_ms);
  job->response.timings.started_ns = now_ns();
  impl_->start(job);
}

void HttpClient::at(std::int64_t when_ns, std::function<void()> work) {
  if (impl_->stopped) return;
  using Time = std::chrono::steady_clock::time_point;
  auto timer = std::make_shared<asio::steady_timer>(impl_->context);
  timer->expires_at(Time(std::chrono::nanoseconds(when_ns)));
  impl_->timers.insert(timer);
  timer->async_wait([impl = impl_.get(), timer, work = std::move(work)](const error_code& error) {
    impl->timers.erase(timer);
    if (!error && !impl->stopped) work();
  });
}

void HttpClient::run() {
  impl_->context.restart();
  impl_->context.run();
}

void HttpClient::stop() {
  asio::post(impl_->context, [impl = impl_.get()] { impl->stop(); });
}

Result<ClientResponse> fetch(std::string_view url, ClientRequest request, ClientOptions options) {
  const auto client = SLIP_TRY(HttpClient::create(url, std::move(options)));
  Result<ClientResponse> answer = slip::fail(ErrorKind::kIo, "request: not sent");
  client->send(std::move(request), {.on_done = [&answer](Result<ClientResponse> result) {
                 answer = std::move(result);
               }});
  client->run();
  return answer;
}

}  // namespace slip
