#include "net/message_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace slip {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string_view view(BeastView text) {
  return {text.data(), text.size()};
}

// Collects what basic_parser finds; `Derived` hears of the head and the body.
template <bool kIsRequest>
class Collector : public http::basic_parser<kIsRequest> {
 public:
  explicit Collector(const MessageLimits& limits) : limits_(limits) {
    this->eager(true);
    this->header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    this->body_limit(limits.body_bytes);
  }

  // As much as possible of `bytes`; need_more counts as success.
  std::size_t put_all(std::string_view bytes, error_code& error) {
    std::size_t used = 0;
    while (used < bytes.size() && !this->is_done()) {
      const auto rest = bytes.substr(used);
      // No chunked body ends with less than "0\r\n\r\n", and Beast counts on that.
      if (this->is_header_done() && this->chunked() && rest.size() < 5) break;
      const std::size_t n = this->put(boost::asio::buffer(rest.data(), rest.size()), error);
      used += n;
      if (error == http::error::need_more) {
        error = {};
        // Headers are bounded by Beast; this bounds extensions of chunks, and trailers.
        if (rest.size() - n > limits_.header_bytes) error = http::error::header_limit;
        break;
      }
      if (error) break;
    }
    return used;
  }

 protected:
  void on_request_impl(http::verb, BeastView, BeastView, int, error_code&) override {}
  void on_response_impl(int, BeastView, int, error_code&) override {}
  void on_field_impl(http::field, BeastView name, BeastView value, error_code&) override {
    // Fields behind the body (trailers) are nobody's business.
    if (!this->is_header_done()) headers_.add(view(name), view(value));
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView bytes, error_code&) override {
    on_body(view(bytes));
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView bytes, error_code&) override {
    on_body(view(bytes));
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}
  virtual void on_body(std::string_view bytes) = 0;

  MessageLimits limits_;
  Headers headers_;
};

HttpError request_error(const error_code& error) {
  if (error == http::error::header_limit) return {431, "the header is too large"};
  if (error == http::error::body_limit) return {413, "the body is too large"};
  if (error == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, "malformed HTTP: " + error.message()};
}

}  // namespace

struct RequestParser::Core final : Collector<true> {
  using Collector::Collector;

  void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                       error_code&) override {
    request.method = view(method);
    request.target = view(target);
    request.is_http_1_0 = version == 10;
  }
  // What the grammar allows and RFC 9112 (sections 3.2, 6.1) doesn't, or what we can't do.
  void on_header_impl(error_code&) override {
    request.headers = std::move(headers_);
    const std::size_t n_hosts = request.headers.count("Host");
    if (n_hosts > 1 || (n_hosts == 0 && !request.is_http_1_0)) {
      refused = {400, "expected one Host header"};
    } else if (request.headers.count("Transfer-Encoding") > 0 &&
               !equal_ignoring_case(*request.headers.find("Transfer-Encoding"), "chunked")) {
      refused = {501, "expected no transfer coding but chunked"};
    } else if (const std::string* expect = request.headers.find("Expect")) {
      expects_continue = equal_ignoring_case(*expect, "100-continue");
      if (!expects_continue) refused = {417, "expected no expectation but 100-continue"};
    }
    expects_continue = expects_continue && !request.is_http_1_0;
  }
  void on_body(std::string_view bytes) override { request.body += bytes; }

  HttpRequest request;
  HttpError refused{.status = 0, .message = {}};
  bool expects_continue = false;
};

RequestParser::RequestParser(const MessageLimits& limits) : core_(std::make_unique<Core>(limits)) {}
RequestParser::~RequestParser() = default;

tl::expected<std::size_t, HttpError> RequestParser::feed(std::string_view bytes) {
  error_code error;
  const std::size_t used = core_->put_all(bytes, error);
  if (core_->refused.status != 0) return tl::unexpected(core_->refused);
  if (error) return tl::unexpected(request_error(error));
  return used;
}

bool RequestParser::has_headers() const {
  return core_->is_header_done();
}

bool RequestParser::is_done() const {
  return core_->is_done();
}

std::string_view RequestParser::target() const {
  return core_->request.target;
}

bool RequestParser::keeps_alive() const {
  return core_->keep_alive();
}

bool RequestParser::expects_continue() const {
  return core_->expects_continue;
}

std::size_t RequestParser::body_bytes() const {
  return core_->request.body.size();
}

HttpRequest RequestParser::take() {
  return std::move(core_->request);
}

struct ResponseParser::Core final : Collector<false> {
  Core(const MessageLimits& limits, Sinks callbacks)
      : Collector(limits), sinks(std::move(callbacks)) {}

  void on_response_impl(int code, BeastView, int, error_code&) override { status = code; }
  void on_header_impl(error_code&) override {
    // 1xx: the response proper is still to come.
    if (status / 100 != 1) sinks.on_head({.status = status, .headers = std::move(headers_)});
  }
  void on_body(std::string_view bytes) override { sinks.on_body(bytes); }

  bool is_interim() const { return is_done() && status / 100 == 1; }

  Sinks sinks;
  int status = 0;
};

ResponseParser::ResponseParser(const MessageLimits& limits, Body body, Sinks sinks)
    : limits_(limits), body_(body), core_(std::make_unique<Core>(limits, std::move(sinks))) {
  core_->skip(body == Body::kNone);
}
ResponseParser::~ResponseParser() = default;

Result<std::size_t> ResponseParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  for (;;) {
    error_code error;
    used += core_->put_all(bytes.substr(used), error);
    if (error == http::error::header_limit || error == http::error::body_limit) {
      return fail(ErrorKind::kLimit, "response: expected at most {} bytes of header and {} of body",
                  limits_.header_bytes, limits_.body_bytes);
    }
    if (error) return invalid("response: malformed HTTP: {}", error.message());
    if (!core_->is_interim()) return used;
    auto next = std::make_unique<Core>(limits_, std::move(core_->sinks));
    core_ = std::move(next);
    core_->skip(body_ == Body::kNone);
  }
}

Result<> ResponseParser::finish() {
  error_code error = http::error::partial_message;
  if (core_->got_some()) core_->put_eof(error);
  if (error) return fail(ErrorKind::kIo, "response: the connection ended before it was complete");
  return {};
}

bool ResponseParser::is_done() const {
  return core_->is_done();
}

bool ResponseParser::keeps_alive() const {
  return core_->keep_alive();
}

}  // namespace slip
